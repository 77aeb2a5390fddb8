#!/usr/bin/env bash
# Long videos on a cluster: SLURM gives each job of an array a share of the frames, and a last job joins the shares.
#
#   PROJECT=PATH examples/slurm-array.sh VIDEO...
#
# submits both. Partition, account and the like: in SBATCH_PARTITION, SBATCH_ACCOUNT ..., or as lines #SBATCH below.
# A share that runs out of time is put into the queue again, and goes on where it stopped.
#SBATCH --job-name=dlcx
#SBATCH --gres=gpu:1
#SBATCH --cpus-per-task=4
#SBATCH --mem=16G
#SBATCH --time=02:00:00
#SBATCH --signal=TERM@120
#SBATCH --open-mode=append
#SBATCH --requeue
set -euo pipefail
: "${PROJECT:?the folder of a project with a trained shuffle}"
: "${SHUFFLE:=1}"
: "${PARTS:=8}"     # jobs of the array; a share has at least 1,000 frames
: "${STEP:=submit}" # what this run of the script does
export DLCX_PROJECT=$PROJECT SHUFFLE PARTS
[ $# -gt 0 ] || { echo "usage: PROJECT=PATH $0 VIDEO..." >&2; exit 2; }

case $STEP in
submit)
    array=$(STEP=share sbatch --parsable --export=ALL --array=1-"$PARTS" "$0" "$@")
    # afterany: a share ends with 4 where frames cannot be read; merge-parts names a share that is missing
    STEP=join sbatch --export=ALL --gres=none --dependency=afterany:"${array%%;*}" "$0" "$@"
    ;;
share)
    code=0
    srun dlcx analyze-video "$@" --shuffle "$SHUFFLE" --part "$SLURM_ARRAY_TASK_ID/$PARTS" || code=$?
    [ "$code" = 75 ] || exit "$code" # 75: stopped by the signal two minutes before the end of --time
    scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
    ;;
join)
    srun dlcx merge-parts "$@" --shuffle "$SHUFFLE"
    ;;
esac
