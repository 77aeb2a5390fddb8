"""Animals from linked joints: which joints of an image belong to one animal.

First the groups of linked joints that are whole animals as they stand; then animals grow link by link, the best fitting
first.  Lauer et al., Multi-animal pose estimation, identification and tracking with DeepLabCut (Nature Methods 2022).
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
    """Builds at most ``animals`` animals of ``bodyparts`` from the detections of an image.

    Parameters
    ----------
    bodyparts, graph, animals
        Their number; the edges that detections have affinities for; the most animals an image may show.
    pcutoff
        Least score of a joint that is linked.
    min_affinity, min_links
        Least affinity of a link; least number of links of an animal.
    max_overlap
        Of two animals that share a larger part of their joints' boxes the worse one is dropped; 0 or 1 to keep both.
    greedy
        Link pairs by falling affinity, not the set of pairs that fits best as a whole.
    add_discarded
        Give joints that are left over to the nearest animal that lacks their bodypart.
    force_fusion
        Join incomplete animals when there are too many.
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
        """Only so many joints of each bodypart, the most certain, can matter; None for all."""
        limited = self.bodyparts > 1 and not self.greedy and not self.add_discarded
        return self.animals if limited else None

    def __call__(self, detections: JointDetections) -> Instances:
        """The animals of one image, best first."""
        return self.instances(self.assemble(detections), detections)

    def assemble(self, detections: JointDetections) -> list[Assembly]:
        """The animals of one image, best first."""
        if self.bodyparts == 1:
            animals = [Assembly.of([joint]) for joint in np.flatnonzero(detections.score >= self.pcutoff).tolist()]
        elif self.identity_only and detections.identity is not None and self.animals > 1:
            animals = self._by_identity(detections)
        elif self.animals == 1:
            return [Assembly.of(best_joints(detections))] if len(detections) else []
        else:
            animals = self._build(detections)
        animals = [animal for animal in animals if animal.size and not 0 < len(animal.links) < self.min_links]
        animals = self._suppress(animals, detections)
        if len(animals) > self.animals:
            animals = sorted(animals, key=lambda animal: -animal.size)[: self.animals]
        if self.add_discarded:
            self._add_discarded(animals, detections)
        return animals

    def _add_discarded(self, animals: list[Assembly], detections: JointDetections) -> None:
        """Give joints that no animal has to the nearest that lacks them: the most certain first, then the nearest."""
        if not animals:
            return
        part = detections.part
        held = [joint for animal in animals for joint in animal.members()]
        away = np.array([_distance(detections.xy, animal) for animal in animals])  # (N, J)
        lacking = np.array([animal.joints for animal in animals])[:, part] < 0
        away = np.where(lacking, away, np.inf)
        for joint in np.lexsort((away.min(0, initial=np.inf), -detections.score)):
            if joint not in held and np.isfinite(away[:, joint]).any():
                nearest = int(away[:, joint].argmin())
                animals[nearest].put(int(joint), int(part[joint]))
                away[nearest, part == part[joint]] = np.inf

    def _links(self, detections: JointDetections) -> Links:
        find = greedy_links if self.greedy else optimal_links
        links = find(detections, self.graph, most=self.animals, pcutoff=self.pcutoff, min_affinity=self.min_affinity)
        if self.prior is None:
            return links
        squared = ((detections.xy[links.first] - detections.xy[links.second]) ** 2).sum(1)
        part = detections.part
        affinity = links.affinity * self.prior.likelihood(part[links.first], part[links.second], squared)
        kept = affinity >= self.min_affinity
        return Links(links.first[kept], links.second[kept], affinity[kept])

    def _build(self, detections: JointDetections) -> list[Assembly]:
        """Animals from the links of an image."""
        linked = LinkGraph(detections.part.tolist(), self._links(detections))
        growth = GreedyAssembly(linked, detections.xy, self.bodyparts, self.prior)
        growth.whole_animals()
        if len(growth.animals) != self.animals:
            growth.from_best_links()
            if len(growth.animals) > self.animals:
                self._join(growth)
            growth.once_more()
        return growth.animals

    def _join(self, growth: GreedyAssembly) -> None:
        """Make incomplete animals fewer."""
        if self.prior is not None:
            growth.join_alike(self.animals)
        elif self.force_fusion:
            growth.join_nearest(self.animals)
        else:
            growth.join_linked()

    def _by_identity(self, detections: JointDetections) -> list[Assembly]:
        """An animal of the most certain joints of each individual."""
        assert detections.identity is not None
        who = detections.identity.argmax(1)
        part = detections.part
        animals = [Assembly(self.bodyparts) for _ in range(detections.identity.shape[1])]
        for joint in np.argsort(-detections.score, kind="stable").tolist():
            if detections.score[joint] >= self.pcutoff:
                animals[who[joint]].put(joint, int(part[joint]))
        return animals

    def _suppress(self, animals: list[Assembly], detections: JointDetections) -> list[Assembly]:
        """The best animals first, without those that lie on a better one."""
        if not 0 < self.max_overlap < 1 or not animals:
            return animals
        xy = [detections.xy[animal.members()] for animal in animals]
        if self.prior is None:
            bad = [-animal.affinity for animal in animals]
        else:
            bad = [self.prior.distance(assembly_pose(detections.xy, animal)) for animal in animals]
        waiting = sorted(range(len(animals)), key=bad.__getitem__)
        kept: list[int] = []
        while waiting:
            best = waiting.pop(0)
            kept.append(best)
            waiting = [place for place in waiting if shared_joint_fraction(xy[best], xy[place]) < self.max_overlap]
        return [animals[place] for place in kept]

    def instances(self, animals: list[Assembly], detections: JointDetections) -> Instances:
        """Animals as poses: nan with score 0 for a bodypart that is not seen."""
        joints = np.array([animal.joints for animal in animals], int).reshape(-1, self.bodyparts)
        seen = joints >= 0
        xy = np.full((*joints.shape, 2), np.nan, np.float32)
        score = np.zeros(joints.shape, np.float32)
        xy[seen] = detections.xy[joints[seen]]
        score[seen] = detections.score[joints[seen]]
        affinity = [animal.affinity / len(animal.links) if animal.links else np.nan for animal in animals]
        return Instances(xy, score, affinity=np.array(affinity, np.float32))


def _distance(xy: np.ndarray, animal: Assembly) -> np.ndarray:
    """How far each joint (J, 2) is from the nearest of an animal: (J,)."""
    return np.linalg.norm(xy[:, None] - xy[animal.members()], axis=-1).min(1)


def best_joints(detections: JointDetections) -> list[int]:
    """The most certain joint of each bodypart, -1 for one that is not seen."""
    best = [-1] * len(detections.counts)
    order = np.argsort(-detections.score, kind="stable")[::-1]  # the best of a bodypart comes last and stays
    for part, joint in zip(detections.part[order].tolist(), order.tolist(), strict=True):
        best[part] = joint
    return best


def shared_joint_fraction(first: np.ndarray, second: np.ndarray) -> float:
    """The smaller share of the joints (n, 2), (m, 2) of two animals that lies where their boxes meet; borders count."""
    low = np.maximum(first.min(0), second.min(0))
    high = np.minimum(first.max(0), second.max(0))
    if (low > high).any():
        return 0.0
    return min(((xy >= low) & (xy <= high)).all(1).mean() for xy in (first, second))
