"""DeepLabCut's function names, typed as commands, lead to the right command or to the reason why there is none."""

from __future__ import annotations

import re

import pytest
import typer

from dlcx.cli.app import build, run
from dlcx.cli.deeplabcut_names import COMMAND_OF, MISSING, advice

#: The public functions of ``dir(deeplabcut)`` in version 3.0.2, those of its GUI included.
_NAMES = """
analyze_images analyze_time_lapse_frames analyze_videos convert_detections2tracklets create_tracking_dataset
evaluate_network export_model extract_maps extract_save_all_maps return_evaluate_network_data return_train_network_path
train_network visualize_locrefs visualize_paf visualize_scoremaps add_new_videos create_new_project
create_new_project_3d create_pretrained_human_project create_pretrained_project load_demo_data
adddatasetstovideolistandviceversa check_labels comparevideolistsanddatafolders create_multianimaltraining_dataset
create_training_dataset create_training_dataset_from_existing_split create_training_model_comparison
extract_frames mergeandsplit video_inference_superanimal calibrate_cameras check_undistortion
create_labeled_video_3d triangulate analyzeskeleton filterpredictions extract_outlier_frames find_outliers_in_raw_data
merge_datasets stitch_tracklets analyze_videos_converth5_to_csv analyze_videos_converth5_to_nwb
convertcsv2h5 create_labeled_video create_video_with_all_detections plot_trajectories CropVideo DownSampleVideo
ShortenVideo check_video_integrity collect_video_paths label_frames refine_labels refine_tracklets launch_dlc
transformer_reID
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
    program = typer.main.get_command(build())
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


def test_a_name_without_counterpart_says_why():
    assert "3D" in advice("triangulate")
    assert "ffmpeg -i IN.mp4" in advice("ShortenVideo")
