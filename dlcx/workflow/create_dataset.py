"""Create training datasets: merge labels, split them into training and test images, and configure a network.

All inputs are read and checked before the first file is written.  pytorch_config.yaml is written last, so a shuffle
that has one is complete.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from dlcx.analysis.conditions import conditions_block
from dlcx.errors import DlcxError
from dlcx.file_transaction import replace_files, replacement_lock, restore_folder
from dlcx.formats.config_edits import add_train_fraction
from dlcx.formats.labels.collected_data import write_labels
from dlcx.formats.project_config import open_project, read_project_config
from dlcx.formats.serialization.yaml_files import write_yaml
from dlcx.formats.shuffles.dlcx_config import read_dlcx_config, weights_source, write_dlcx_config
from dlcx.formats.shuffles.merged_labels import merged_labels_changed, read_all_labels
from dlcx.formats.shuffles.model_config import shuffle_config, with_overrides, write_model_config
from dlcx.formats.shuffles.shuffle_numbers import choose_fraction, choose_shuffles, split_source
from dlcx.formats.shuffles.splits import Split, explicit_split, random_split, random_video_split
from dlcx.formats.shuffles.tensorflow_shuffles import describe_carry_over, next_free_number, tensorflow_shuffles
from dlcx.formats.shuffles.training_set import (
    inference_cfg,
    pose_cfg,
    read_sizes,
    read_split,
    register_shuffle,
    rows_path,
    training_rows,
    write_documentation,
    write_rows,
)
from dlcx.locks import locked
from dlcx.nets.configure import conditions_of_file, model_config
from dlcx.nets.registry import find, untrainable
from dlcx.options.command_line import command_after
from dlcx.options.commands.create_dataset import CreateDatasetOptions
from dlcx.options.commands.train import TrainOptions
from dlcx.options.entry_points import keyword_options
from dlcx.poses import Labels
from dlcx.project import Project, Shuffle
from dlcx.settings import DlcxConfig, ModelConfig
from dlcx.settings.base import check
from dlcx.settings.ignored_keys import IN_DATASETS, warn_ignored_keys

logger = logging.getLogger(__name__)

if TYPE_CHECKING:
    from dlcx.options.keywords import CreateDatasetKeywords


@dataclass(frozen=True)
class Created:
    """A shuffle; ``existed`` is true if it already existed with the same settings."""

    shuffle: int
    trainset_index: int
    net_type: str
    train_images: int
    test_images: int
    config: Path
    documentation: Path
    existed: bool


@dataclass(frozen=True)
class CreateDatasetResult:
    """The requested shuffles and the merged labels that their splits index.

    ``tensorflow`` contains the numbers of the TensorFlow shuffles of this iteration.
    """

    labels: Path
    shuffles: tuple[Created, ...]
    tensorflow: tuple[int, ...] = ()
    next_steps: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Lines of the text output."""
        lines = [f"labels: {self.labels}"]
        for made in self.shuffles:
            state = " (was there already)" if made.existed else ""
            lines += [
                f"shuffle {made.shuffle}: {made.net_type}, {made.train_images} training and "
                f"{made.test_images} test images{state}",
                f"config: {made.config}",
            ]
        return lines + describe_carry_over(self.tensorflow)


@dataclass(frozen=True)
class _Plan:
    """A shuffle and the contents of its files."""

    shuffle: Shuffle
    split: Split
    config: ModelConfig
    own: DlcxConfig


@keyword_options(CreateDatasetOptions)
def create_dataset(
    project: str | Path | None = None,
    **keywords: Unpack[CreateDatasetKeywords],
) -> CreateDatasetResult:
    """Create the training dataset and configuration of one or more shuffles.

    Shuffle N gets the N-th random split generated from ``seed``, so shuffles differ and each split is reproducible.
    ``from_shuffle`` reuses the split of another shuffle.

    Parameters
    ----------
    project
        Folder or config.yaml; None searches (:func:`dlcx.formats.project_config.open_project`).

    Returns
    -------
    CreateDatasetResult
        The shuffles, with those that already existed marked, and the merged labels.

    Raises
    ------
    DlcxError
        If an option is invalid, a shuffle exists with other settings, or a shuffle to replace is being trained.
    """
    options = CreateDatasetOptions.of(project=project, **keywords)
    root = open_project(options.project).root
    with replacement_lock(root):  # splits index rows of the merged labels: lock from reading to writing
        return _create(open_project(root), options)


def _default_net(root: Path) -> str:
    """The default network of config.yaml.

    Raises
    ------
    DlcxError
        If dlcx does not have this network.
    """
    config = root / "config.yaml"
    name = read_project_config(config).default_net_type
    try:
        find(name)
    except DlcxError as error:
        raise DlcxError(
            f"{config}: default_net_type is {name}, which dlcx does not have",
            hint=f"{error.hint} Choose a network with --net-type.",
        ) from None
    return name


def _create(found: Project, options: CreateDatasetOptions) -> CreateDatasetResult:
    warn_ignored_keys(read_project_config(found.config_path), found.config_path, IN_DATASETS)
    net_type = _default_net(found.root) if options.net_type is None else options.net_type
    found, index = choose_fraction(found, options.trainset_index, options.train_fraction)
    numbers = list(dict.fromkeys(options.shuffle)) or None
    given = options.train_indices is not None or options.test_indices is not None
    _check_choices(options, given=given)
    other = None if options.from_shuffle is None else split_source(found, options.from_shuffle, index)
    targets = choose_shuffles(found, numbers, index, other, overwrite=options.overwrite)
    weights = weights_source(options.weights)

    labels = read_all_labels(found)
    kind = "given" if given else "shuffle" if options.from_shuffle is not None else options.split_by
    own = DlcxConfig(
        net_type=net_type,
        weights=weights,
        detector=options.detector,
        detector_weights=None if options.detector_weights is None else weights_source(options.detector_weights),
        split=kind,
        seed=options.seed if kind in ("frame", "video") else None,
        from_shuffle=options.from_shuffle,
        overrides=list(options.overrides),
    )
    plans = []
    for target in targets:
        for folder in (target.model_dir, target.evaluation_dir):
            restore_folder(folder)
        if given:
            split = explicit_split(options.train_indices, options.test_indices, labels, target.fraction)
        elif other is not None:
            split = _other_split(other, target, labels)
        elif options.split_by == "video":
            split = random_video_split(labels.images, target.fraction, options.seed, draw=target.number)
        else:
            split = random_split(len(labels), target.fraction, options.seed, draw=target.number)
        if not len(split.train):
            raise DlcxError(
                f"no training image: {len(labels)} labeled images, training fraction {target.fraction}",
                hint="Raise --train-fraction or label more images.",
            )
        plans.append(_Plan(target, split, _configure(target, net_type, options), own))

    if found.identity and "identity" not in plans[0].config.model.heads:
        logger.warning(
            "config.yaml says identity: true, but %s goes without the identity head, which only bottom-up nets have: "
            "tracks are not named by looks",
            net_type,
        )
    differences = [_difference(plan) for plan in plans]
    todo = [
        plan
        for plan, difference in zip(plans, differences, strict=True)
        if difference is None or (difference and options.overwrite)
    ]
    rewrite = merged_labels_changed(found, labels, remade=[plan.shuffle for plan in todo])
    for plan, difference in zip(plans, differences, strict=True):
        if difference and not options.overwrite:
            raise DlcxError(
                f"shuffle {plan.shuffle.number} exists with other settings: {difference}",
                hint=f"Make another one with --shuffle {next_free_number(found)}, "
                "or replace it and its snapshots with --overwrite.",
            )
    if todo:
        _check_nets(todo[0])
    sizes = dict(enumerate(read_sizes(found, labels))) if todo else {}
    rows = [training_rows(labels, plan.split, sizes) for plan in todo]

    if options.train_fraction is not None:
        add_train_fraction(found.config_path, options.train_fraction)
    with ExitStack() as stack:
        for plan in todo:  # a running training must not save into the new folder
            if plan.shuffle.train_dir.is_dir():
                stack.enter_context(locked(plan.shuffle.train_lock, f"the training of {plan.shuffle.name}"))
        if todo or rewrite:
            _replace(found, todo, rows, labels if rewrite else None)
    return CreateDatasetResult(
        labels=found.merged_labels_path.with_name(found.merged_labels_path.name + ".h5"),
        shuffles=tuple(
            Created(
                shuffle=plan.shuffle.number,
                trainset_index=plan.shuffle.trainset_index,
                net_type=plan.own.net_type or plan.config.net_type,
                train_images=len(plan.split.train),
                test_images=len(plan.split.test),
                config=plan.shuffle.model_config_path,
                documentation=plan.shuffle.documentation_path,
                existed=plan not in todo,
            )
            for plan in plans
        ),
        tensorflow=tuple(dict.fromkeys(one.number for one in tensorflow_shuffles(found))),
        next_steps=tuple(map(_next_step, plans)),
    )


def _next_step(plan: _Plan) -> str:
    if untrainable(plan.config.net_type):
        return f"Next: {plan.shuffle.supply_hint}"
    return f"Next: {command_after(TrainOptions, plan.shuffle.options)}"


def _check_choices(options: CreateDatasetOptions, *, given: bool) -> None:
    chosen = {
        "--train-indices/--test-indices": given,
        "--from-shuffle": options.from_shuffle is not None,
        "--split-by video": options.split_by == "video",
    }
    if sum(chosen.values()) > 1:
        names = " and ".join(name for name, used in chosen.items() if used)
        raise DlcxError(f"{names} both choose the split", hint="Give one.")


def _configure(shuffle: Shuffle, net_type: str, options: CreateDatasetOptions) -> ModelConfig:
    project = shuffle.project
    source = None
    if options.conditions is not None:
        if not find(net_type).uses_conditions:
            raise DlcxError(f"--conditions {options.conditions}: {net_type} takes none, only BUCTD nets do")
        source = conditions_block(project, options.conditions, shuffle.trainset_index)
    block = model_config(
        net_type,
        project.layout,
        identity=project.identity,
        detector=options.detector,
        conditions=source,
        project_path=project.root,
        pose_config_path=shuffle.model_config_path,
    )
    # DeepLabCut copies the value of config.yaml, where null differs from false. If there is no identity head, the value
    # must be false, or DeepLabCut looks for identity maps.
    has_identity_head = "identity" in block["model"]["heads"]
    identity = read_project_config(project.config_path).identity
    block["metadata"]["with_identity"] = identity and has_identity_head
    return with_overrides(check(ModelConfig, block, f"--net-type {net_type}"), options.overrides)


def _other_split(other: Shuffle, target: Shuffle, labels: Labels) -> Split:
    if other.fraction != target.fraction:
        raise DlcxError(
            f"--from-shuffle {other.number}: its training fraction is {other.fraction:g}, that of shuffle "
            f"{target.number} is {target.fraction:g}",
            hint="Take a free number with --shuffle.",
        )
    split = read_split(other.documentation_path)
    if max([*split.train, *split.test], default=-1) >= len(labels):
        raise DlcxError(f"--from-shuffle {other.number}: its split is of other labels than these {len(labels)} images")
    return replace(split, fraction=other.fraction)


def _difference(plan: _Plan) -> str | None:
    """Describe how an existing shuffle differs from the planned one: "" if it does not, None if it does not exist.

    The options are compared rather than pytorch_config.yaml, because users may edit that file.
    """
    shuffle = plan.shuffle
    if not shuffle.model_config_path.is_file():
        # Documentation without a model belongs to a deleted model, which is recreated, or to a TensorFlow shuffle.
        if shuffle.documentation_path.is_file() and not _same_split(plan):
            return "its split differs"
        return None
    if not shuffle.documentation_path.is_file():
        return f"{shuffle.documentation_path.name} is missing"
    if shuffle.dlcx_config_path.is_file():
        existing = read_dlcx_config(shuffle.dlcx_config_path).plain()
        for name, value in plan.own.plain().items():
            if existing[name] != value:
                return f"{'--set' if name == 'overrides' else name} was {existing[name]}, now {value}"
        was, now = _conditions(shuffle_config(shuffle)), _conditions(plan.config)
        if now is not None and was != now:
            return f"conditions were {was}, now {now}"
    else:
        config = shuffle_config(shuffle)
        if config.plain() != _moved(plan.config, config):
            return "its pytorch_config.yaml differs"
    return "" if _same_split(plan) else "its split differs"


def _conditions(config: ModelConfig) -> Any:
    """Source of the initial poses of a BUCTD network, without unset keys; None if the configuration has none."""
    block = config.inference.conditions
    if block is None or isinstance(block, str):
        return block and conditions_of_file(block)
    return {key: value for key, value in block.plain().items() if value not in (None, "")}


def _same_split(plan: _Plan) -> bool:
    return read_split(plan.shuffle.documentation_path).same_rows(plan.split)


def _moved(config: ModelConfig, like: ModelConfig) -> dict[str, Any]:
    """The configuration with the paths of another one, as the project may have been moved."""
    data, other = config.plain(), like.plain()["metadata"]
    data["metadata"].update({key: other[key] for key in ("project_path", "pose_config_path")})
    return data


def _check_nets(plan: _Plan) -> None:
    """Raise for keys and paths that `train` would reject; warn about weights that cannot be downloaded."""
    from dlcx.training.detector_stage import detector_stage
    from dlcx.training.pose_stage import pose_stage

    for make in (detector_stage, pose_stage):
        part = make(plan.shuffle, plan.config, plan.own)
        if part is not None and plan.own.overrides:
            part.check_keys()
        untrained = make is pose_stage and untrainable(plan.config.net_type)
        if part is None or part.weights == "none" or untrained:
            continue
        from dlcx.nets.hub import Unreachable

        try:
            part.check_weights()
        except DlcxError as error:
            if part.weights != "imagenet" and not isinstance(error, Unreachable):
                raise
            logger.warning("`dlcx train` will stop here: %s. %s", error, error.hint)


def _replace(
    project: Project, todo: Sequence[_Plan], rows: Sequence[list[dict[str, Any]]], labels: Labels | None
) -> None:
    """Write the shuffles and any merged labels in one transaction.

    Snapshots and results of a replaced shuffle are removed, as they match neither its network nor its split.
    """
    merged = [project.merged_labels_path.with_name(project.merged_labels_path.name + end) for end in (".h5", ".csv")]
    shuffles = [plan.shuffle for plan in todo]
    snapshots = {shuffle.name: len(list(shuffle.train_dir.glob("*.pt"))) for shuffle in shuffles}
    with replace_files(
        project.root,
        moved=[folder for shuffle in shuffles for folder in (shuffle.model_dir, shuffle.evaluation_dir)],
        copied=[
            *(merged if labels else ()),
            *(path for shuffle in shuffles for path in (shuffle.documentation_path, rows_path(shuffle))),
            project.metadata_path,
        ],
        complete=[shuffle.model_config_path for shuffle in shuffles],
    ):
        if labels:
            write_labels(labels, project.merged_labels_path, project.scorer)
        for plan, plan_rows in zip(todo, rows, strict=True):
            _write(plan, plan_rows)
        for plan in todo:  # last, as it marks a shuffle as complete
            write_model_config(plan.config, plan.shuffle.model_config_path)
    for name, count in snapshots.items():
        if count:
            logger.warning("removed %d snapshots and the evaluation results of the replaced %s", count, name)


def _write(plan: _Plan, rows: list[dict[str, Any]]) -> None:
    """Write all files of a shuffle except pytorch_config.yaml."""
    shuffle, project = plan.shuffle, plan.shuffle.project
    write_rows(rows, shuffle)
    write_documentation(rows, plan.split, shuffle.documentation_path)
    register_shuffle(project, shuffle, plan.split)
    write_yaml(pose_cfg(project, plan.config.net_type), shuffle.test_dir / "pose_cfg.yaml")
    if project.layout.multi:
        write_yaml(inference_cfg(project), shuffle.test_dir / "inference_cfg.yaml")
    write_dlcx_config(plan.own, shuffle.dlcx_config_path)
