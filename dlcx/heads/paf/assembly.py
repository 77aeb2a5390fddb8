"""Assembly of animals: which joints of an image belong to the same animal.

Lauer et al., Multi-animal pose estimation, identification and tracking with DeepLabCut (Nature Methods 2022).
K bodyparts, J joints and L links of one image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dlcx.heads.paf.greedy_assembly import Assembly, GreedyAssembly, LinkGraph, assembly_pose
from dlcx.heads.paf.linking import JointDetections, Links, greedy_links, optimal_links
from dlcx.heads.paf.shape_prior import ShapePrior
from dlcx.poses import Instances


@dataclass(frozen=True)
class Assembler:
    """Assembles the animals of an image from its joints.

    Parameters
    ----------
    bodyparts
        Number of bodyparts K.
    graph
        The edges that detections have affinities for.
    animals
        Maximum number of animals.
    pcutoff
        Minimum score of a joint that is linked.
    min_affinity
        Minimum affinity of a link.
    min_links
        Minimum number of links of an animal.
    max_overlap
        Of two animals of which a larger fraction of the joints lies where their bounding boxes intersect, the worse
        one is removed. 0 or 1 keeps both.
    greedy
        Link pairs by decreasing affinity instead of maximizing the total affinity.
    add_discarded
        Add joints that are left over to the nearest animal without their bodypart.
    force_fusion
        Merge incomplete animals if there are too many.
    identity_only
        Group joints by identity alone, if the detections have identity scores.
    prior
        Shape of labeled animals, which then guides linking and assembly (calibration).
    """

    bodyparts: int
    graph: tuple[tuple[int, int], ...]
    animals: int
    pcutoff: float = 0.1
    min_affinity: float = 0.05
    min_links: int = 2
    max_overlap: float = 0.8
    greedy: bool = False
    add_discarded: bool = False
    force_fusion: bool = False
    identity_only: bool = False
    prior: ShapePrior | None = None

    @property
    def max_joints(self) -> int | None:
        """Number of joints per bodypart, those with the highest scores, that affect the result; None for all."""
        limited = self.bodyparts > 1 and not self.greedy and not self.add_discarded
        return self.animals if limited else None

    def __call__(self, detections: JointDetections) -> Instances:
        """Return the animals of one image, best first, in the coordinates of the detections."""
        return self.instances(self.assemble(detections), detections)

    def assemble(self, detections: JointDetections) -> list[Assembly]:
        """Return the joints of each animal of one image, best animal first."""
        if self.bodyparts == 1:
            animals = [Assembly.of([joint]) for joint in np.flatnonzero(detections.score >= self.pcutoff).tolist()]
        elif self.identity_only and detections.identity is not None and self.animals > 1:
            animals = self._group_by_identity(detections)
        elif self.animals == 1:
            return [Assembly.of(best_joints(detections))] if len(detections) else []
        else:
            animals = self._assemble_links(detections)
        animals = [animal for animal in animals if animal.size and not 0 < len(animal.links) < self.min_links]
        animals = self._remove_overlapping(animals, detections)
        if len(animals) > self.animals:
            animals = sorted(animals, key=lambda animal: -animal.size)[: self.animals]
        if self.add_discarded:
            self._add_discarded(animals, detections)
        return animals

    def _add_discarded(self, animals: list[Assembly], detections: JointDetections) -> None:
        """Add unassigned joints to the nearest animal without their bodypart, by decreasing score, then distance."""
        if not animals:
            return
        part = detections.part
        assigned = [joint for animal in animals for joint in animal.members()]
        distance = np.array([_distance(detections.xy, animal) for animal in animals])  # (N, J)
        lacks_part = np.array([animal.joints for animal in animals])[:, part] < 0
        distance = np.where(lacks_part, distance, np.inf)
        for joint in np.lexsort((distance.min(0, initial=np.inf), -detections.score)):
            if joint not in assigned and np.isfinite(distance[:, joint]).any():
                nearest = int(distance[:, joint].argmin())
                animals[nearest].add(int(joint), int(part[joint]))
                distance[nearest, part == part[joint]] = np.inf

    def _links(self, detections: JointDetections) -> Links:
        find_links = greedy_links if self.greedy else optimal_links
        links = find_links(
            detections, self.graph, max_links=self.animals, pcutoff=self.pcutoff, min_affinity=self.min_affinity
        )
        if self.prior is None:
            return links
        squared = ((detections.xy[links.first] - detections.xy[links.second]) ** 2).sum(1)
        part = detections.part
        affinity = links.affinity * self.prior.likelihood(part[links.first], part[links.second], squared)
        kept = affinity >= self.min_affinity
        return Links(links.first[kept], links.second[kept], affinity[kept])

    def _assemble_links(self, detections: JointDetections) -> list[Assembly]:
        graph = LinkGraph(detections.part.tolist(), self._links(detections))
        assembly = GreedyAssembly(graph, detections.xy, self.bodyparts, self.prior)
        assembly.add_complete_components()
        if len(assembly.animals) != self.animals:
            assembly.add_from_links()
            if len(assembly.animals) > self.animals:
                self._merge_incomplete(assembly)
            assembly.extend_incomplete()
        return assembly.animals

    def _merge_incomplete(self, assembly: GreedyAssembly) -> None:
        if self.prior is not None:
            assembly.merge_by_shape(self.animals)
        elif self.force_fusion:
            assembly.merge_nearest(self.animals)
        else:
            assembly.merge_linked()

    def _group_by_identity(self, detections: JointDetections) -> list[Assembly]:
        """Assemble each individual from its joints with the highest scores."""
        assert detections.identity is not None
        individual = detections.identity.argmax(1)
        part = detections.part
        animals = [Assembly(self.bodyparts) for _ in range(detections.identity.shape[1])]
        for joint in np.argsort(-detections.score, kind="stable").tolist():
            if detections.score[joint] >= self.pcutoff:
                animals[individual[joint]].add(joint, int(part[joint]))
        return animals

    def _remove_overlapping(self, animals: list[Assembly], detections: JointDetections) -> list[Assembly]:
        """Sort animals by decreasing quality and remove those that overlap a better one."""
        if not 0 < self.max_overlap < 1 or not animals:
            return animals
        xy = [detections.xy[animal.members()] for animal in animals]
        if self.prior is None:
            cost = [-animal.affinity for animal in animals]
        else:
            cost = [self.prior.distance(assembly_pose(detections.xy, animal)) for animal in animals]
        remaining = sorted(range(len(animals)), key=cost.__getitem__)
        kept: list[int] = []
        while remaining:
            best = remaining.pop(0)
            kept.append(best)
            remaining = [index for index in remaining if shared_joint_fraction(xy[best], xy[index]) < self.max_overlap]
        return [animals[index] for index in kept]

    def instances(self, animals: list[Assembly], detections: JointDetections) -> Instances:
        """Convert animals to poses; missing bodyparts are nan with score 0."""
        joints = np.array([animal.joints for animal in animals], int).reshape(-1, self.bodyparts)
        present = joints >= 0
        xy = np.full((*joints.shape, 2), np.nan, np.float32)
        score = np.zeros(joints.shape, np.float32)
        xy[present] = detections.xy[joints[present]]
        score[present] = detections.score[joints[present]]
        affinity = [animal.affinity / len(animal.links) if animal.links else np.nan for animal in animals]
        return Instances(xy, score, affinity=np.array(affinity, np.float32))


def _distance(xy: np.ndarray, animal: Assembly) -> np.ndarray:
    """Distance (J,) of each joint (J, 2) from the nearest joint of an animal."""
    result: np.ndarray = np.linalg.norm(xy[:, None] - xy[animal.members()], axis=-1).min(1)
    return result


def best_joints(detections: JointDetections) -> list[int]:
    """Return the joint with the highest score of each bodypart, -1 for a missing one."""
    best = [-1] * len(detections.counts)
    order = np.argsort(-detections.score, kind="stable")[::-1]  # ascending: the last assignment wins
    for part, joint in zip(detections.part[order].tolist(), order.tolist(), strict=True):
        best[part] = joint
    return best


def shared_joint_fraction(first: np.ndarray, second: np.ndarray) -> float:
    """Return the fraction of joints in the intersection of two bounding boxes, for the animal with fewer in it.

    Parameters
    ----------
    first, second
        Joints (n, 2) and (m, 2) of two animals. Their bounding boxes include the border.
    """
    low = np.maximum(first.min(0), second.min(0))
    high = np.minimum(first.max(0), second.max(0))
    if (low > high).any():
        return 0.0
    return float(min(((xy >= low) & (xy <= high)).all(1).mean() for xy in (first, second)))
