"""Greedy assembly: connected groups of joints become animals, the others are assembled link by link, best link first.

Lauer et al., Multi-animal pose estimation, identification and tracking with DeepLabCut (Nature Methods 2022).
K bodyparts, J joints, L links.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from heapq import heappop, heappush
from itertools import combinations

import numpy as np

from dlcx.heads.paf.linking import Links
from dlcx.heads.paf.shape_prior import ShapePrior


class Assembly:
    """Joints of one animal, at most one per bodypart, and the links between them."""

    __slots__ = ("affinity", "joints", "links", "size")

    def __init__(self, bodyparts: int) -> None:
        self.joints = [-1] * bodyparts
        self.size = 0
        self.links: list[int] = []
        self.affinity = 0.0

    @classmethod
    def of(cls, joints: Sequence[int]) -> Assembly:
        """Create an assembly without links from the joint of each bodypart, -1 for a missing one."""
        assembly = cls(len(joints))
        for part, joint in enumerate(joints):
            if joint >= 0:
                assembly.add(joint, part)
        return assembly

    @property
    def is_complete(self) -> bool:
        """Whether every bodypart has a joint."""
        return self.size == len(self.joints)

    def members(self) -> list[int]:
        """Return the joints of the assembly."""
        return [joint for joint in self.joints if joint >= 0]

    def add(self, joint: int, part: int) -> None:
        """Add a joint unless its bodypart has one."""
        if self.joints[part] < 0:
            self.joints[part] = joint
            self.size += 1

    def can_merge(self, other: Assembly) -> bool:
        """Whether both are incomplete and have no bodypart in common."""
        return not (self.is_complete or other.is_complete) and all(
            joint < 0 or other_joint < 0 for joint, other_joint in zip(self.joints, other.joints, strict=True)
        )

    def merge(self, other: Assembly) -> None:
        """Add the joints and links of another assembly."""
        self.joints = [max(pair) for pair in zip(self.joints, other.joints, strict=True)]
        self.size += other.size
        self.links += other.links
        self.affinity += other.affinity


class LinkGraph:
    """The joints of an image as a graph.

    Parameters
    ----------
    part
        Bodypart of each of the J joints.
    links
        The L links between them.
    """

    def __init__(self, part: Sequence[int], links: Links) -> None:
        self.part = part
        self.ends = list(zip(links.first.tolist(), links.second.tolist(), strict=True))
        self.affinity = links.affinity.tolist()
        self.links_of: dict[int, list[int]] = {}
        for link, (first, second) in enumerate(self.ends):
            self.links_of.setdefault(first, []).append(link)
            self.links_of.setdefault(second, []).append(link)

    def other_end(self, link: int, joint: int) -> int:
        """Return the joint at the other end of a link."""
        first, second = self.ends[link]
        return int(second if first == joint else first)

    def components(self) -> Iterator[list[int]]:
        """Yield the joints of each connected component, in the order of their first links."""
        seen: set[int] = set()
        for joint in self.links_of:
            if joint not in seen:
                seen.add(joint)
                component = [joint]
                for member in component:  # grows during the iteration
                    found = {self.other_end(link, member) for link in self.links_of[member]} - seen
                    seen |= found
                    component += found
                yield component


class GreedyAssembly:
    """Assembles the animals of one image from its links.

    Parameters
    ----------
    graph
        Joints and links.
    xy
        (J, 2) in pixels.
    bodyparts
        Number of bodyparts K.
    prior
        If given, a joint is added only if this brings the assembly closer to the shape of labeled animals.
    """

    def __init__(self, graph: LinkGraph, xy: np.ndarray, bodyparts: int, prior: ShapePrior | None = None) -> None:
        self.graph, self.xy, self.bodyparts, self.prior = graph, xy, bodyparts, prior
        self.assigned: set[int] = set()
        self.animals: list[Assembly] = []

    def add_complete_components(self) -> None:
        """Turn connected components with as many joints as bodyparts into animals."""
        for joints in self.graph.components():
            if len(joints) == self.bodyparts:
                self._append(self._from_component(joints))

    def add_from_links(self) -> None:
        """Assemble an animal from each link between unassigned joints, best link first."""
        affinity = self.graph.affinity
        for link in sorted(range(len(affinity)), key=lambda link: -affinity[link]):
            if self.assigned.isdisjoint(self.graph.ends[link]):
                animal = Assembly(self.bodyparts)
                self._add_link(animal, link)
                self._extend(animal, self.prior)
                self._append(animal)

    def extend_incomplete(self) -> None:
        """Extend incomplete animals by unassigned joints, regardless of the shape prior."""
        for animal in self.animals:
            if not animal.is_complete:
                self._extend(animal, None)
                self.assigned.update(animal.members())

    def merge_linked(self) -> None:
        """Merge incomplete animals that an unused link connects."""
        used = {link for animal in self.animals for link in animal.links}
        owner = {joint: animal for animal in self.animals for joint in animal.members()}
        for link, (one, other) in enumerate(self.graph.ends):
            if link in used or one not in owner or other not in owner or owner[one] is owner[other]:
                continue
            first, second = sorted((owner[one], owner[other]), key=self.animals.index)
            if first.can_merge(second):
                self._merge(first, second)
                owner.update(dict.fromkeys(first.members(), first))

    def merge_nearest(self, max_animals: int) -> None:
        """Merge the nearest pair of incomplete animals until at most ``max_animals`` are left."""
        self._merge_pairs(max_animals, self._joint_distance)

    def merge_by_shape(self, max_animals: int) -> None:
        """Merge the pair of incomplete animals that is closest to the shape prior until ``max_animals`` are left."""
        self._merge_pairs(max_animals, self._merged_shape_distance)

    def shape_distance(self, animal: Assembly) -> float:
        """Return the distance of an animal from the shape prior."""
        assert self.prior is not None
        return self.prior.distance(assembly_pose(self.xy, animal))

    def _merge_pairs(self, max_animals: int, cost: Callable[[Assembly, Assembly], float]) -> None:
        while len(self.animals) > max_animals:
            pairs = [pair for pair in combinations(self.animals, 2) if pair[0].can_merge(pair[1])]
            if not pairs:
                break
            self._merge(*min(pairs, key=lambda pair: cost(*pair)))

    def _merged_shape_distance(self, first: Assembly, second: Assembly) -> float:
        merged = [max(pair) for pair in zip(first.joints, second.joints, strict=True)]
        return self.shape_distance(Assembly.of(merged))

    def _joint_distance(self, first: Assembly, second: Assembly) -> float:
        """Distance in pixels between the nearest joints of two animals."""
        difference = self.xy[first.members()][:, None] - self.xy[second.members()]
        return float(np.linalg.norm(difference, axis=-1).min())

    def _from_component(self, joints: list[int]) -> Assembly:
        """Create an animal from a connected component with all its links."""
        graph = self.graph
        links = sorted({link for joint in joints for link in graph.links_of[joint]})
        by_part = {graph.part[joint]: joint for joint in joints}
        if len(by_part) < self.bodyparts:  # of two joints of a bodypart, take the one that is linked first
            animal = Assembly(self.bodyparts)
            for link in links:
                self._add_link(animal, link)
            return animal
        animal = Assembly.of([by_part[part] for part in range(self.bodyparts)])
        animal.links = links
        animal.affinity = sum(graph.affinity[link] for link in links)
        return animal

    def _merge(self, first: Assembly, second: Assembly) -> None:
        first.merge(second)
        self.animals.remove(second)

    def _append(self, animal: Assembly) -> None:
        self.assigned.update(animal.members())
        self.animals.append(animal)

    def _add_link(self, animal: Assembly, link: int) -> bool:
        """Add a link and its joints; return False if the animal has other joints for both bodyparts."""
        first, second = self.graph.ends[link]
        part = self.graph.part
        present = animal.joints[part[first]], animal.joints[part[second]]
        if min(present) >= 0 and present != (first, second):
            return False
        animal.add(first, part[first])
        animal.add(second, part[second])
        animal.links.append(link)
        animal.affinity += self.graph.affinity[link]
        return True

    def _extend(self, animal: Assembly, prior: ShapePrior | None) -> None:
        """Repeatedly add the best link that leads out of an animal."""
        ends, affinity = self.graph.ends, self.graph.affinity
        members = set(animal.members())
        known: set[int] = set()
        heap: list[tuple[float, int, int]] = []
        refused: list[tuple[float, int, int]] = []

        def add_candidates(joint: int) -> None:
            for link in self.graph.links_of.get(joint, ()):
                if link not in known:
                    known.add(link)
                    heappush(heap, (-affinity[link], len(known), link))

        for joint in members:
            known.update(link for link in self.graph.links_of.get(joint, ()) if members.issuperset(ends[link]))
        for joint in animal.members():
            add_candidates(joint)
        while heap and not animal.is_complete:
            entry = heappop(heap)
            new = [joint for joint in ends[entry[2]] if joint not in members]
            if len(new) == 2 or (new and new[0] in self.assigned):
                continue
            if prior and new and not self._improves_shape(animal, new[0]):
                refused.append(entry)
            elif self._add_link(animal, entry[2]) and new:
                members.add(new[0])
                add_candidates(new[0])
                for refused_entry in refused:  # the new joint may make them an improvement
                    heappush(heap, refused_entry)
                refused.clear()

    def _improves_shape(self, animal: Assembly, joint: int) -> bool:
        """Whether adding a joint brings an animal closer to the shape prior."""
        joints = animal.joints.copy()
        joints[self.graph.part[joint]] = joint
        return self.shape_distance(Assembly.of(joints)) < self.shape_distance(animal)


def assembly_pose(xy: np.ndarray, animal: Assembly) -> np.ndarray:
    """Return the joints (K, 2) of an animal from the coordinates (J, 2) of all; nan for missing bodyparts."""
    joints = np.array(animal.joints)
    return np.where(joints[:, None] >= 0, xy[joints], np.nan)
