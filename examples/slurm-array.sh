#!/usr/bin/env bash
# Long videos on a SLURM cluster: each job of an array analyzes one part of the frames, and a final job merges them.
#
#   PROJECT=PATH examples/slurm-array.sh VIDEO...
#
# This command submits both.  Set the partition, account and other options with SBATCH_PARTITION, SBATCH_ACCOUNT and so
# on, or in #SBATCH lines below.  A job that reaches its time limit is requeued and continues where it stopped.
#SBATCH --job-name=dlcx
#SBATCH --gres=gpu:1
#SBATCH --cpus-per-task=4
#SBATCH --mem=16G
#SBATCH --time=02:00:00
#SBATCH --signal=TERM@120
#SBATCH --open-mode=append
#SBATCH --requeue
set -euo pipefail
: "${PROJECT:?set PROJECT to the folder of a project with a trained shuffle}"
: "${SHUFFLE:=1}"
: "${PARTS:=8}"     # jobs of the array; a part has at least 1,000 frames
: "${STEP:=submit}" # internal: submit, analyze or merge
export DLCX_PROJECT=$PROJECT SHUFFLE PARTS
[ $# -gt 0 ] || { echo "usage: PROJECT=PATH $0 VIDEO..." >&2; exit 2; }

case $STEP in
submit)
    array=$(STEP=analyze sbatch --parsable --export=ALL --array=1-"$PARTS" "$0" "$@")
    # afterany, because jobs end with 4 if frames cannot be decoded; merge-parts reports missing parts
    STEP=merge sbatch --export=ALL --gres=none --dependency=afterany:"${array%%;*}" "$0" "$@"
    ;;
analyze)
    code=0
    srun dlcx analyze-video "$@" --shuffle "$SHUFFLE" --part "$SLURM_ARRAY_TASK_ID/$PARTS" || code=$?
    [ "$code" = 75 ] || exit "$code" # 75: saved after the signal two minutes before the time limit
    scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
    ;;
merge)
    srun dlcx merge-parts "$@" --shuffle "$SHUFFLE"
    ;;
esac
