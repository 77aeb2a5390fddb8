"""DeepLabCut's function names, typed as commands, lead to the right command or to the reason why there is none."""

from __future__ import annotations

import re

import pytest

from dlcx.cli.app import parser, run
from dlcx.cli.deeplabcut_names import COMMAND_OF, MISSING, advice

#: The public names of the module ``deeplabcut`` in version 3.0.2, those that load its GUI or PyTorch included.
_NAMES = """
CropVideo DownSampleVideo ShortenVideo SkeletonBuilder add_new_videos adddatasetstovideolistandviceversa analyze_images
analyze_time_lapse_frames analyze_videos analyze_videos_converth5_to_csv analyze_videos_converth5_to_nwb
analyzeskeleton auxfun_videos auxiliaryfunctions calibrate_cameras check_labels check_undistortion
check_video_integrity collect_video_paths comparevideolistsanddatafolders convert2_maDLC convert_detections2tracklets
convertcsv2h5 create_labeled_video create_labeled_video_3d create_multianimaltraining_dataset create_new_project
create_new_project_3d create_pretrained_human_project create_pretrained_project create_tracking_dataset
create_training_dataset create_training_dataset_from_existing_split create_training_model_comparison
create_video_with_all_detections dropannotationfileentriesduetodeletedimages dropduplicatesinannotatinfiles
dropimagesduetolackofannotation dropunlabeledframes evaluate_network export_model extract_frames extract_maps
extract_outlier_frames extract_save_all_maps filterpredictions find_outliers_in_raw_data label_frames launch_dlc
load_demo_data merge_datasets mergeandsplit plot_trajectories refine_labels refine_tracklets
return_evaluate_network_data return_train_network_path stitch_tracklets train_network transformer_reID triangulate
video_inference_superanimal visualize_locrefs visualize_paf visualize_scoremaps
"""
NAMES = _NAMES.split()


@pytest.mark.parametrize("name", NAMES)
def test_every_function_of_deeplabcut_is_known(name):
    assert advice(name)
    assert advice(name.replace("_", "-"))


@pytest.mark.parametrize("word", ["evaluate_network", "triangulate"])
def test_the_command_line_explains_instead_of_guessing_a_spelling(word, capsys):
    assert run([word]) == 2
    assert capsys.readouterr() == ("", f"error: dlcx: no such command '{word}'\nhint: {advice(word)}\n")


def test_every_call_that_is_named_can_be_parsed():
    program = parser()
    texts = [f"`dlcx {call}`" for call in COMMAND_OF.values()] + list(MISSING.values())
    calls = [call for text in texts for call in re.findall(r"`dlcx ([^`]*)`", text)]
    assert len(calls) > len(COMMAND_OF)
    for call in calls:
        name, *rest = call.split()
        if name == "--help":
            continue
        flags = {flag for parameter in program.commands[name].params for flag in parameter.opts}
        assert {word for word in rest if word.startswith("--")} <= flags, call


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("train_network", "DeepLabCut's train_network is `dlcx train` here."),
        ("Analyze-Videos", "DeepLabCut's Analyze-Videos is `dlcx analyze-video` here."),
        ("no_such_name", None),
    ],
)
def test_names_are_found_in_any_spelling(word, hint):
    assert advice(word) == hint


@pytest.mark.parametrize(
    ("word", "options"),
    [
        ("dropannotationfileentriesduetodeletedimages", ""),
        ("dropduplicatesinannotatinfiles", ""),
        ("dropimagesduetolackofannotation", " --move-images"),
        ("dropunlabeledframes", " --drop-unlabeled"),
        ("convert2_maDLC", " --to-multi-animal"),
    ],
)
def test_label_housekeeping_is_clean_labels(word, options):
    assert advice(word) == f"DeepLabCut's {word} is `dlcx clean-labels{options}` here."


def test_a_name_without_counterpart_says_why():
    assert "3D" in advice("triangulate")
    assert "ffmpeg -i IN.mp4" in advice("ShortenVideo")
