"""Functions of DeepLabCut's Python module that users may type as commands, and their counterparts in dlcx.

Each name maps to the words after ``dlcx`` or, if dlcx has no counterpart, to the reason and an alternative. The names
are those of ``dir(deeplabcut)`` in version 3.0.2, of its command line, and of functions that scripts call by full path.
"""

from __future__ import annotations

#: DeepLabCut's function -> the equivalent dlcx command.
COMMAND_OF = {
    "create_new_project": "create-project",
    "load_demo_data": "demo",
    "add_new_videos": "add-videos",
    "extract_frames": "extract-frames",
    "check_labels": "check-labels",
    "comparevideolistsanddatafolders": "status",
    "convertcsv2h5": "import-labels CSV --overwrite",
    "convert2_madlc": "clean-labels --to-multi-animal",
    "dropannotationfileentriesduetodeletedimages": "clean-labels",
    "dropduplicatesinannotatinfiles": "clean-labels",
    "dropimagesduetolackofannotation": "clean-labels --move-images",
    "dropunlabeledframes": "clean-labels --drop-unlabeled",
    "create_training_dataset": "create-dataset",
    "create_multianimaltraining_dataset": "create-dataset",
    "create_training_dataset_from_existing_split": "create-dataset --from-shuffle N",
    "create_training_model_comparison": "create-dataset --from-shuffle N --shuffle M --net-type NAME",
    "mergeandsplit": "create-dataset --split-by video",
    "train_network": "train",
    "evaluate_network": "evaluate",
    "return_evaluate_network_data": "evaluate --json",
    "return_train_network_path": "status --json",
    "extract_maps": "score-maps",
    "extract_save_all_maps": "score-maps",
    "visualize_scoremaps": "score-maps",
    "visualize_locrefs": "score-maps",
    "visualize_paf": "score-maps",
    "export_model": "export-model",
    "analyze_videos": "analyze-video",
    "analyze_images": "analyze-images",
    "analyze_time_lapse_frames": "analyze-images",
    "convert_detections2tracklets": "track",
    "stitch_tracklets": "track",
    "refine_tracklets": "swap-tracks",
    "filterpredictions": "filter-predictions",
    "analyzeskeleton": "analyze-skeleton",
    "plot_trajectories": "plot-trajectories",
    "create_labeled_video": "create-labeled-video",
    "create_video_with_all_detections": "create-labeled-video --tracker none",
    "analyze_videos_converth5_to_nwb": "export-predictions",
    "analyze_videos_converth5_to_csv": "export-predictions --format h5",
    "extract_outlier_frames": "extract-outliers",
    "find_outliers_in_raw_data": "extract-outliers --algorithm uncertain",
    "merge_datasets": "merge-labels",
    "check_video_integrity": "analyze-video",
    "available_models": "list-models",
    "available_detectors": "list-models --kind detector",
    "read_config": "status",
}

_THREE_D = (
    "dlcx has no 3D reconstruction: analyze each camera with `dlcx analyze-video`, "
    "then use DeepLabCut or Anipose on the h5 files."
)
_FFMPEG = "dlcx does not edit videos; use ffmpeg: "
_SUPERANIMAL = (
    "dlcx runs SuperAnimal networks inside a labeled project: `dlcx create-dataset --weights superanimal_NAME`."
)
_VIDEO_LISTS = "`dlcx status` shows how far each video is; `dlcx add-videos VIDEO` lists one in config.yaml."
_REID = "dlcx has no re-identification transformer: `dlcx track` links animals by motion and shape."
_LABELING = (
    "dlcx has no labeling window: label the extracted frames with napari-deeplabcut, which reads the same folders."
)

#: DeepLabCut's function -> why dlcx has no equivalent, and the alternative.
MISSING = {
    "create_new_project_3d": _THREE_D,
    "calibrate_cameras": _THREE_D,
    "check_undistortion": _THREE_D,
    "triangulate": _THREE_D,
    "create_labeled_video_3d": _THREE_D,
    "create_pretrained_project": _SUPERANIMAL,
    "create_pretrained_human_project": "its network needs TensorFlow, which dlcx does not run.",
    "video_inference_superanimal": _SUPERANIMAL,
    "superanimal_analyze_images": _SUPERANIMAL,
    "label_frames": _LABELING,
    "refine_labels": _LABELING,
    "adddatasetstovideolistandviceversa": _VIDEO_LISTS,
    "collect_video_paths": "commands take folders and glob patterns, as in `dlcx analyze-video FOLDER`.",
    "skeletonbuilder": "write the edges into `skeleton` of config.yaml, as pairs of bodyparts.",
    "edit_config": "edit config.yaml with any text editor; comments and order stay.",
    "auxiliaryfunctions": "it is a module of helpers; `dlcx status --json` tells what a project holds.",
    "auxfun_videos": f"{_FFMPEG}ffmpeg -i IN.mp4 OUT.mp4",
    "launch_dlc": "dlcx has no desktop program: `dlcx --help` lists its commands.",
    "create_tracking_dataset": _REID,
    "transformer_reid": _REID,
    "shortenvideo": f"{_FFMPEG}ffmpeg -i IN.mp4 -ss 00:00:01 -to 00:01:00 OUT.mp4",
    "cropvideo": f"{_FFMPEG}ffmpeg -i IN.mp4 -vf crop=WIDTH:HEIGHT:X:Y OUT.mp4",
    "downsamplevideo": f"{_FFMPEG}ffmpeg -i IN.mp4 -vf scale=-2:HEIGHT OUT.mp4",
}


def advice(word: str) -> str | None:
    """Return the hint for a name of DeepLabCut; None for any other word. Case, dashes, and underscores are ignored."""
    name = word.lower().replace("-", "_")
    if name in COMMAND_OF:
        return f"DeepLabCut's {word} is `dlcx {COMMAND_OF[name]}` here."
    if name in MISSING:
        return f"DeepLabCut's {word} is not available: {MISSING[name]}"
    return None
