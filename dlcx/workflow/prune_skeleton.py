"""Prune the skeleton of a trained network with part-affinity fields to its most discriminative edges."""

from __future__ import annotations

import glob
import logging
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import numpy as np

from dlcx.errors import DlcxError
from dlcx.formats.project_config import open_project
from dlcx.formats.shuffles.training_set import load_training_set
from dlcx.formats.stored_paths import resolve_video
from dlcx.locks import exclusive_edit
from dlcx.metrics import evaluate_poses
from dlcx.options.command_line import command_after
from dlcx.options.commands.evaluate import EvaluateOptions
from dlcx.options.commands.prune_skeleton import PruneSkeletonOptions
from dlcx.options.entry_points import keyword_options
from dlcx.poses import Prediction
from dlcx.progress import SILENT, Progress
from dlcx.project import Shuffle, net_name

if TYPE_CHECKING:
    from dlcx.analysis.trained_network import TrainedNetwork
    from dlcx.heads.paf.decoding import PafDecoder
    from dlcx.heads.paf.linking import JointDetections
    from dlcx.options.keywords import PruneSkeletonKeywords
    from dlcx.settings import ModelConfig

logger = logging.getLogger(__name__)

HEAD = "DLCRNetHead"
UNTRAINED = "Train it for longer, then prune its skeleton."


@dataclass(frozen=True)
class Candidate:
    """Candidate list of edges, with its mAP and mAR on the training images."""

    edges: tuple[int, ...]
    mAP: float
    mAR: float


@dataclass(frozen=True)
class PruneResult:
    """Kept edges, as indices and as pairs of bodyparts, all candidates, and the updated files."""

    shuffle: int
    snapshot: str
    images: int
    edges: tuple[int, ...]
    pairs: tuple[tuple[str, str], ...]
    before: int
    tried: tuple[Candidate, ...]
    config: Path
    pose_config: Path
    next_steps: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return the lines to print."""
        lines = [f"shuffle {self.shuffle}, snapshot {self.snapshot}, {self.images} training images"]
        lines.append(f"{'edges':>8}{'mAP':>8}{'mAR':>8}")
        for one in self.tried:
            mark = "  kept" if one.edges == self.edges else ""
            lines.append(f"{len(one.edges):>8}{one.mAP:>8.1f}{one.mAR:>8.1f}{mark}")
        lines.append(
            f"kept {len(self.edges)} of {self.before} edges: " + ", ".join("-".join(pair) for pair in self.pairs)
        )
        return [*lines, f"config: {self.config}", f"pose config: {self.pose_config}"]


@keyword_options(PruneSkeletonOptions)
def prune_skeleton(
    project: str | Path | None = None,
    *,
    progress: Progress = SILENT,
    **keywords: Unpack[PruneSkeletonKeywords],
) -> PruneResult:
    """Keep only the edges of the skeleton that separate animals best on the training images.

    A network with part-affinity fields learns many edges.  This function scores each edge by how well its affinity
    separates links within one labeled animal from links between two.  It evaluates lists of edges, from the best tree
    to all edges, on the training images, and writes the list with the highest mAP as ``edges_to_keep`` to
    pytorch_config.yaml and as ``paf_best`` to test/pose_cfg.yaml.  The weights do not change, so the step can be
    repeated.  Test images are not used, unlike in DeepLabCut, which prunes the skeleton on them during evaluation.

    Parameters
    ----------
    project
        Project folder or its config.yaml; see :func:`dlcx.formats.project_config.open_project`.

    Returns
    -------
    PruneResult
        Kept edges and all candidates.

    Raises
    ------
    DlcxError
        If the network has no part-affinity fields or detects a single animal, or no training image shows two labeled
        animals.
    """
    options = PruneSkeletonOptions.of(project=project, **keywords)
    from dlcx.analysis.trained_network import TrainedNetwork
    from dlcx.formats.shuffles.model_config import shuffle_config

    place = open_project(options.project).shuffle(options.shuffle, options.trainset_index)
    config = shuffle_config(place)
    _check(place, config)
    loaded = TrainedNetwork.find(place, config=config, snapshot=options.snapshot, device=options.device)
    decoder = _all_edges(loaded)
    found, truth = _joints_and_labels(place, loaded, decoder, options.batch_size, progress)
    orders = _orders(decoder, found, truth)
    tried = tuple(_try(decoder, edges, found, truth) for edges in orders)
    best = max(tried, key=lambda one: (one.mAP, one.mAR, -len(one.edges)))
    if best.mAP == 0:
        raise DlcxError(f"snapshot {loaded.snapshot.uid} finds no animal of the training images", hint=UNTRAINED)
    if config.model.heads["bodypart"]["predictor"].get("edges_to_keep") != list(best.edges):
        _warn_of_analyses(place, config)
    _write(place, best.edges)
    parts = place.project.layout.bodyparts
    return PruneResult(
        shuffle=options.shuffle,
        snapshot=loaded.snapshot.uid,
        images=len(truth),
        edges=best.edges,
        pairs=tuple((parts[first], parts[second]) for first, second in (decoder.graph[edge] for edge in best.edges)),
        before=len(decoder.graph),
        tried=tried,
        config=place.model_config_path,
        pose_config=place.test_dir / "pose_cfg.yaml",
        next_steps=(f"To see what it does on test images: {command_after(EvaluateOptions, place.options)}",),
    )


def _warn_of_analyses(place: Shuffle, config: ModelConfig) -> None:
    """Warn that existing analyses used the previous skeleton."""
    project = place.project
    folders = {project.videos_dir}
    for video in project.videos:
        with suppress(DlcxError):
            folders.add(resolve_video(project, video).parent)
    own = f"DLC_{net_name(config.net_type)}_{project.task}{project.date}shuffle{place.number}_"
    stores = sorted(path for folder in folders for path in folder.glob(f"*{glob.escape(own)}*.dlcx") if path.is_dir())
    if stores:
        logger.warning(
            "%d analyses, such as %s, used the skeleton as it was before. Analyze their videos again with "
            "`dlcx analyze-video` and --overwrite to use this one, or link them as they are with `dlcx track`.",
            len(stores),
            stores[0],
        )


def _check(place: Shuffle, config: ModelConfig) -> None:
    head = config.model.heads.get("bodypart", {})
    if head.get("type") != HEAD:
        raise DlcxError(
            f"{place.name}: its net {config.net_type} has no part-affinity fields, so no skeleton to prune",
            hint="They belong to bottom-up nets of several animals, such as resnet_50 or dlcrnet_stride16_ms5.",
        )
    if len(place.project.layout.individuals) < 2:
        raise DlcxError(f"{place.name}: its net finds a single animal, which needs no skeleton")


def _all_edges(loaded: TrainedNetwork) -> PafDecoder:
    """Return the decoder of the network with all edges that the network learned."""
    decoder: PafDecoder = loaded.model.heads["bodypart"].decoder  # type: ignore[assignment]
    assembler = replace(decoder.assembler, graph=decoder.graph)
    return replace(decoder, edges=tuple(range(len(decoder.graph))), assembler=assembler)


def _joints_and_labels(
    place: Shuffle, loaded: TrainedNetwork, decoder: PafDecoder, batch_size: int, progress: Progress
) -> tuple[list[JointDetections], list[Prediction]]:
    """Detect joints in the training images; also return the labels."""
    from dlcx.data.images import same_size_batches
    from dlcx.data.labeled_images import LabeledImages
    from dlcx.predictors.bottom_up import BottomUp
    from dlcx.predictors.joints import detect_joints

    assert isinstance(loaded.predictor, BottomUp)
    labels, split = load_training_set(place)
    rows = split.train.tolist()
    paths = [place.project.root.joinpath(*labels.images[row]) for row in rows]
    truth = [labels.pose(row) for row in rows]
    found: list[JointDetections] = []
    with progress.task("find joints", total=len(rows), unit="image") as task:
        images = LabeledImages(paths, truth, cache=0)
        for batch in same_size_batches(images, batch_size, lambda labeled: labeled.image.shape):
            found += detect_joints(loaded.predictor, decoder, np.stack([labeled.image for labeled in batch]))
            task.advance(len(batch))
    return found, truth


def _orders(decoder: PafDecoder, found: list[JointDetections], truth: list[Prediction]) -> list[list[int]]:
    """Candidate lists of edges."""
    from dlcx.heads.paf.skeleton_pruning import candidate_graphs, edge_affinities, match_animals, roc_auc
    from dlcx.nets.blocks import RADIUS

    seen = [
        edge_affinities(joints, decoder.graph, match_animals(joints, labels.animals.xy, RADIUS))
        for joints, labels in zip(found, truth, strict=True)
    ]
    pooled = [
        tuple(np.concatenate([image[edge][kind] for image in seen]) for kind in (0, 1))
        for edge in range(len(decoder.graph))
    ]
    if not any(len(within) for within, _ in pooled):
        raise DlcxError(
            "the net finds no two bodyparts of a labeled animal in the training images",
            hint=UNTRAINED,
        )
    if not any(len(between) for _, between in pooled):
        raise DlcxError("no training image shows two labeled animals that the net finds: nothing tells edges apart")
    return candidate_graphs(decoder.graph, [roc_auc(*pair) for pair in pooled], decoder.bodyparts)


def _try(decoder: PafDecoder, edges: list[int], found: list[JointDetections], truth: list[Prediction]) -> Candidate:
    """Assemble animals with a list of edges and compare them with the labels."""
    from dlcx.heads.paf.skeleton_pruning import select_edges

    assembler = replace(decoder.assembler, graph=tuple(decoder.graph[edge] for edge in edges))
    animals = [Prediction(assembler(select_edges(joints, decoder.graph, edges))) for joints in found]
    metrics = evaluate_poses([Prediction(labels.animals) for labels in truth], animals, single=False)
    return Candidate(tuple(edges), metrics.mAP, metrics.mAR)


def _write(place: Shuffle, edges: tuple[int, ...]) -> None:
    """Write the edges to the files that DeepLabCut and dlcx read; read these again, as they may have changed."""
    from dlcx.formats.serialization.yaml_files import read_yaml, write_yaml
    from dlcx.formats.shuffles.model_config import shuffle_config, write_model_config
    from dlcx.formats.shuffles.training_set import pose_cfg

    with exclusive_edit(place.model_config_path):
        config = shuffle_config(place)
        _check(place, config)
        config.model.heads["bodypart"]["predictor"]["edges_to_keep"] = list(edges)
        write_model_config(config, place.model_config_path)
    path = place.test_dir / "pose_cfg.yaml"
    with exclusive_edit(path):
        written = read_yaml(path) if path.is_file() else pose_cfg(place.project, config.net_type)
        write_yaml({**written, "paf_best": list(edges)}, path)
