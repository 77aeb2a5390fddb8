"""Animals from linked joints: which joints of an image belong to one animal.

First the groups of linked joints that are whole animals as they stand; then animals grow link by link, the best fitting
first.  Lauer et al., Multi-animal pose estimation, identification and tracking with DeepLabCut (Nature Methods 2022).
K bodyparts, J joints and L links of one image.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np

from dlcx.heads.linking import Detections, Links, greedy_links, optimal_links
from dlcx.poses import Instances


class Animal:
    """Joints of one animal, at most one a bodypart, and the links that hold them."""

    __slots__ = ("affinity", "joints", "links", "size")

    def __init__(self, bodyparts: int) -> None:
        self.joints = [-1] * bodyparts
        self.size = 0
        self.links: list[int] = []
        self.affinity = 0.0

    @classmethod
    def of(cls, joints: list[int]) -> Animal:
        """An animal of joints without links; -1 for a bodypart that is not seen."""
        animal = cls(len(joints))
        for part, joint in enumerate(joints):
            if joint >= 0:
                animal.put(joint, part)
        return animal

    def put(self, joint: int, part: int) -> None:
        """Take a joint, if its bodypart is free."""
        if self.joints[part] < 0:
            self.joints[part] = joint
            self.size += 1

    def fits(self, other: Animal) -> bool:
        """Whether the two, both incomplete, have no bodypart in common."""
        return not (self.whole or other.whole) and all(
            mine < 0 or theirs < 0 for mine, theirs in zip(self.joints, other.joints, strict=True)
        )

    def absorb(self, other: Animal) -> None:
        """Take everything that another one has."""
        self.joints = [max(pair) for pair in zip(self.joints, other.joints, strict=True)]
        self.size += other.size
        self.links += other.links
        self.affinity += other.affinity

    @property
    def whole(self) -> bool:
        """Whether every bodypart has its joint."""
        return self.size == len(self.joints)

    def members(self) -> list[int]:
        """The joints that it has."""
        return [joint for joint in self.joints if joint >= 0]


class Linked:
    """The joints of an image as a graph: ``ends`` and ``affinity`` of the links, ``at`` the links of each joint."""

    def __init__(self, part: Sequence[int], links: Links) -> None:
        self.part = part
        self.ends = list(zip(links.first.tolist(), links.second.tolist(), strict=True))
        self.affinity = links.affinity.tolist()
        self.at: dict[int, list[int]] = {}
        for link, ends in enumerate(self.ends):
            for joint in ends:
                self.at.setdefault(joint, []).append(link)

    def add(self, animal: Animal, link: int) -> bool:
        """Let an animal take the joints of a link; False if it has others of both bodyparts."""
        first, second = self.ends[link]
        mine = animal.joints
        has_first, has_second = mine[self.part[first]], mine[self.part[second]]
        if has_first >= 0 and has_second >= 0 and not (has_first == first and has_second == second):
            return False
        animal.put(first, self.part[first])
        animal.put(second, self.part[second])
        animal.links.append(link)
        animal.affinity += self.affinity[link]
        return True

    def components(self) -> Iterator[tuple[list[int], list[int]]]:
        """Joints and links of each connected group, in the order of their first links."""
        seen: set[int] = set()
        for joint in self.at:
            if joint not in seen:
                seen.add(joint)
                group = [joint]
                for member in group:  # grows while it is walked through
                    for link in self.at[member]:
                        other = sum(self.ends[link]) - member
                        if other not in seen:
                            seen.add(other)
                            group.append(other)
                yield group, sorted({link for member in group for link in self.at[member]})


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

    @property
    def most_joints(self) -> int | None:
        """Only so many joints of each bodypart, the most certain, can matter; None for all."""
        limited = self.bodyparts > 1 and not self.greedy and not self.add_discarded
        return self.animals if limited else None

    def __call__(self, detections: Detections) -> Instances:
        """The animals of one image, best first."""
        return self.instances(self.assemble(detections), detections)

    def assemble(self, detections: Detections) -> list[Animal]:
        """The animals of one image, best first."""
        if self.bodyparts == 1:
            animals = [Animal.of([joint]) for joint in np.flatnonzero(detections.score >= self.pcutoff).tolist()]
        elif self.animals == 1:
            return [Animal.of(best_joints(detections))] if len(detections) else []
        else:
            animals = self._build(Linked(detections.part.tolist(), self._links(detections)))
        animals = [animal for animal in animals if animal.size and not 0 < len(animal.links) < self.min_links]
        animals = self._suppress(animals, detections)
        if len(animals) > self.animals:
            animals = sorted(animals, key=lambda animal: -animal.size)[: self.animals]
        if self.add_discarded:
            self._add_discarded(animals, detections)
        return animals

    def _add_discarded(self, animals: list[Animal], detections: Detections) -> None:
        """Give joints that no animal has to the nearest that lacks them, the most certain first."""
        part = detections.part
        held = {joint for animal in animals for joint in animal.members()}
        for joint in np.argsort(-detections.score, kind="stable").tolist():
            lacking = [animal for animal in animals if animal.joints[part[joint]] < 0]
            if joint not in held and lacking:
                near = [np.linalg.norm(detections.xy[one.members()] - detections.xy[joint], axis=1) for one in lacking]
                lacking[np.argmin([distances.min() for distances in near])].put(joint, part[joint])

    def _links(self, detections: Detections) -> Links:
        limits = {"pcutoff": self.pcutoff, "min_affinity": self.min_affinity}
        if self.greedy:
            return greedy_links(detections, self.graph, **limits)
        return optimal_links(detections, self.graph, most=self.animals, **limits)

    def _build(self, linked: Linked) -> list[Animal]:
        """Animals from the links of an image."""
        finished: set[int] = set()  # joints
        animals = []
        for joints, links in linked.components():
            if len(joints) == self.bodyparts:
                animal = Animal(self.bodyparts)
                for link in links:
                    linked.add(animal, link)
                finished.update(animal.members())
                animals.append(animal)
        if len(animals) == self.animals:
            return animals
        order = sorted(range(len(linked.ends)), key=lambda link: -linked.affinity[link])
        for link in order:
            if finished.isdisjoint(linked.ends[link]):
                animal = Animal(self.bodyparts)
                linked.add(animal, link)
                self._grow(animal, linked, finished)
                finished.update(animal.members())
                animals.append(animal)
        if len(animals) > self.animals:
            animals = self._merge(animals, linked)
        for animal in animals:
            if not animal.whole:
                self._grow(animal, linked, finished)
        return animals

    def _grow(self, animal: Animal, linked: Linked, finished: set[int]) -> None:
        """Add the best link that leaves an animal, again and again."""
        known = set(animal.links)
        heap: list[tuple[float, int, int]] = []

        def look(joint: int) -> None:
            for link in linked.at.get(joint, ()):
                if link not in known:
                    known.add(link)
                    heappush(heap, (-linked.affinity[link], len(known), link))

        for joint in animal.members():
            look(joint)
        members = set(animal.members())
        while heap and not animal.whole:
            link = heappop(heap)[2]
            new = [joint for joint in linked.ends[link] if joint not in members]
            if len(new) == 2 or (new and new[0] in finished):
                continue
            if linked.add(animal, link) and new:
                members.add(new[0])
                look(new[0])

    def _merge(self, animals: list[Animal], linked: Linked) -> list[Animal]:
        """Join incomplete animals that an unused link connects."""
        used = {link for animal in animals for link in animal.links}
        owner = {joint: animal for animal in animals for joint in animal.members()}
        for link, (one, other) in enumerate(linked.ends):
            if link in used or one not in owner or other not in owner or owner[one] is owner[other]:
                continue
            first, second = sorted((owner[one], owner[other]), key=animals.index)
            if first.fits(second):
                first.absorb(second)
                animals.remove(second)
                owner.update(dict.fromkeys(first.members(), first))
        return animals

    def _suppress(self, animals: list[Animal], detections: Detections) -> list[Animal]:
        """Animals by falling affinity, without those that lie on a better one."""
        if not 0 < self.max_overlap < 1 or not animals:
            return animals
        xy = [detections.xy[animal.members()] for animal in animals]
        waiting = sorted(range(len(animals)), key=lambda place: -animals[place].affinity)
        kept: list[int] = []
        while waiting:
            best = waiting.pop(0)
            kept.append(best)
            waiting = [place for place in waiting if overlap(xy[best], xy[place]) < self.max_overlap]
        return [animals[place] for place in kept]

    def instances(self, animals: list[Animal], detections: Detections) -> Instances:
        """Animals as poses: nan with score 0 for a bodypart that is not seen."""
        joints = np.array([animal.joints for animal in animals], int).reshape(-1, self.bodyparts)
        seen = joints >= 0
        xy = np.full((*joints.shape, 2), np.nan, np.float32)
        score = np.zeros(joints.shape, np.float32)
        xy[seen] = detections.xy[joints[seen]]
        score[seen] = detections.score[joints[seen]]
        affinity = [animal.affinity / len(animal.links) if animal.links else np.nan for animal in animals]
        return Instances(xy, score, affinity=np.array(affinity, np.float32))


def best_joints(detections: Detections) -> list[int]:
    """The most certain joint of each bodypart, -1 for one that is not seen."""
    best = [-1] * len(detections.counts)
    order = np.argsort(-detections.score, kind="stable")[::-1]  # the best of a bodypart comes last and stays
    for part, joint in zip(detections.part[order].tolist(), order.tolist(), strict=True):
        best[part] = joint
    return best


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    """The smaller share of the joints (n, 2), (m, 2) of two animals that lies where their boxes meet; borders count."""
    low = np.maximum(first.min(0), second.min(0))
    high = np.minimum(first.max(0), second.max(0))
    if (low > high).any():
        return 0.0
    return min(((xy >= low) & (xy <= high)).all(1).mean() for xy in (first, second))
