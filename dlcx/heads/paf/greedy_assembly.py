"""Animals from the links of one image: whole ones as they stand, the others link by link, the best fitting first.

K bodyparts, J joints, L links.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from itertools import combinations

import numpy as np

from dlcx.heads.paf.linking import Links
from dlcx.heads.paf.shape_prior import ShapePrior


class Assembly:
    """Joints of one animal, at most one a bodypart, and the links that hold them."""

    __slots__ = ("affinity", "joints", "links", "size")

    def __init__(self, bodyparts: int) -> None:
        self.joints = [-1] * bodyparts
        self.size = 0
        self.links: list[int] = []
        self.affinity = 0.0

    @classmethod
    def of(cls, joints: Sequence[int]) -> Assembly:
        """An animal of joints without links; -1 for a bodypart that is not seen."""
        animal = cls(len(joints))
        for part, joint in enumerate(joints):
            if joint >= 0:
                animal.put(joint, part)
        return animal

    @property
    def whole(self) -> bool:
        """Whether every bodypart has its joint."""
        return self.size == len(self.joints)

    def members(self) -> list[int]:
        """The joints that it has."""
        return [joint for joint in self.joints if joint >= 0]

    def put(self, joint: int, part: int) -> None:
        """Take a joint, if its bodypart is free."""
        if self.joints[part] < 0:
            self.joints[part] = joint
            self.size += 1

    def fits(self, other: Assembly) -> bool:
        """Whether the two, both incomplete, have no bodypart in common."""
        return not (self.whole or other.whole) and all(
            mine < 0 or theirs < 0 for mine, theirs in zip(self.joints, other.joints, strict=True)
        )

    def absorb(self, other: Assembly) -> None:
        """Take everything that another one has."""
        self.joints = [max(pair) for pair in zip(self.joints, other.joints, strict=True)]
        self.size += other.size
        self.links += other.links
        self.affinity += other.affinity


class LinkGraph:
    """The joints of an image as a graph: ``ends`` and ``affinity`` of the links, ``at`` the links of each joint."""

    def __init__(self, part: Sequence[int], links: Links) -> None:
        self.part = part
        self.ends = list(zip(links.first.tolist(), links.second.tolist(), strict=True))
        self.affinity = links.affinity.tolist()
        self.at: dict[int, list[int]] = {}
        for link, (first, second) in enumerate(self.ends):
            self.at.setdefault(first, []).append(link)
            self.at.setdefault(second, []).append(link)

    def other(self, link: int, joint: int) -> int:
        """The joint at the other end of a link."""
        first, second = self.ends[link]
        return second if first == joint else first

    def components(self) -> Iterator[list[int]]:
        """Joints of each connected group, in the order of their first links."""
        seen: set[int] = set()
        for joint in self.at:
            if joint not in seen:
                seen.add(joint)
                group = [joint]
                for member in group:  # grows while it is walked through
                    found = {self.other(link, member) for link in self.at[member]} - seen
                    seen |= found
                    group += found
                yield group


class GreedyAssembly:
    """Builds the animals of one image from its links; joints (J, 2) are at ``xy``.

    With a ``prior`` an animal takes a joint only where that makes it more like labelled ones.
    """

    def __init__(self, linked: LinkGraph, xy: np.ndarray, bodyparts: int, prior: ShapePrior | None = None) -> None:
        self.linked, self.xy, self.bodyparts, self.prior = linked, xy, bodyparts, prior
        self.finished: set[int] = set()  # joints that are no longer free
        self.animals: list[Assembly] = []

    def whole_animals(self) -> None:
        """Groups of linked joints, as many as there are bodyparts, are animals."""
        for joints in self.linked.components():
            if len(joints) == self.bodyparts:
                self._finish(self._all_of(joints))

    def from_best_links(self) -> None:
        """An animal grows from each link whose joints are free, the best first."""
        affinity = self.linked.affinity
        for link in sorted(range(len(affinity)), key=lambda link: -affinity[link]):
            if self.finished.isdisjoint(self.linked.ends[link]):
                animal = Assembly(self.bodyparts)
                self._add(animal, link)
                self._grow(animal, self.prior)
                self._finish(animal)

    def once_more(self) -> None:
        """Incomplete animals take what is left, however they then look."""
        for animal in self.animals:
            if not animal.whole:
                self._grow(animal, None)
                self.finished.update(animal.members())

    def join_linked(self) -> None:
        """Incomplete animals that an unused link connects become one."""
        used = {link for animal in self.animals for link in animal.links}
        owner = {joint: animal for animal in self.animals for joint in animal.members()}
        for link, (one, other) in enumerate(self.linked.ends):
            if link in used or one not in owner or other not in owner or owner[one] is owner[other]:
                continue
            first, second = sorted((owner[one], owner[other]), key=self.animals.index)
            if first.fits(second):
                self._join(first, second)
                owner.update(dict.fromkeys(first.members(), first))

    def join_nearest(self, most: int) -> None:
        """The nearest incomplete animals become one, until at most ``most`` are left."""
        while len(self.animals) > most:
            pairs = [pair for pair in combinations(self.animals, 2) if pair[0].fits(pair[1])]
            if not pairs:
                break
            self._join(*min(pairs, key=lambda pair: self._gap(*pair)))

    def join_alike(self, most: int) -> None:
        """The incomplete animals that together are most like a labelled one become one, until ``most`` are left."""
        while len(self.animals) > most:
            pairs = [pair for pair in combinations(self.animals, 2) if pair[0].fits(pair[1])]
            if not pairs:
                break
            self._join(*min(pairs, key=lambda pair: self._together(*pair)))

    def shape(self, animal: Assembly) -> float:
        """How unlike labelled animals it is."""
        assert self.prior is not None
        return self.prior.distance(assembly_pose(self.xy, animal))

    def _together(self, first: Assembly, second: Assembly) -> float:
        """How unlike labelled animals two are as one."""
        return self.shape(Assembly.of([max(pair) for pair in zip(first.joints, second.joints, strict=True)]))

    def _gap(self, first: Assembly, second: Assembly) -> float:
        """Pixels between the nearest joints of two animals."""
        away = self.xy[first.members()][:, None] - self.xy[second.members()]
        return float(np.linalg.norm(away, axis=-1).min())

    def _all_of(self, joints: list[int]) -> Assembly:
        """A group with all its links."""
        linked = self.linked
        links = sorted({link for joint in joints for link in linked.at[joint]})
        by_part = {linked.part[joint]: joint for joint in joints}
        if len(by_part) < self.bodyparts:  # two of a bodypart: the first that is linked is taken
            animal = Assembly(self.bodyparts)
            for link in links:
                self._add(animal, link)
            return animal
        animal = Assembly.of([by_part[part] for part in range(self.bodyparts)])
        animal.links = links
        animal.affinity = sum(linked.affinity[link] for link in links)
        return animal

    def _join(self, first: Assembly, second: Assembly) -> None:
        first.absorb(second)
        self.animals.remove(second)

    def _finish(self, animal: Assembly) -> None:
        self.finished.update(animal.members())
        self.animals.append(animal)

    def _add(self, animal: Assembly, link: int) -> bool:
        """Let an animal take the joints of a link; False if it has others of both bodyparts."""
        first, second = self.linked.ends[link]
        part = self.linked.part
        mine = animal.joints[part[first]], animal.joints[part[second]]
        if min(mine) >= 0 and mine != (first, second):
            return False
        animal.put(first, part[first])
        animal.put(second, part[second])
        animal.links.append(link)
        animal.affinity += self.linked.affinity[link]
        return True

    def _grow(self, animal: Assembly, prior: ShapePrior | None) -> None:
        """Add the best link that leaves an animal, again and again."""
        ends, affinity = self.linked.ends, self.linked.affinity
        members = set(animal.members())
        known: set[int] = set()
        heap: list[tuple[float, int, int]] = []
        refused: list[tuple[float, int, int]] = []

        def look(joint: int) -> None:
            for link in self.linked.at.get(joint, ()):
                if link not in known:
                    known.add(link)
                    heappush(heap, (-affinity[link], len(known), link))

        for joint in members:
            known.update(link for link in self.linked.at.get(joint, ()) if members.issuperset(ends[link]))
        for joint in animal.members():
            look(joint)
        while heap and not animal.whole:
            entry = heappop(heap)
            new = [joint for joint in ends[entry[2]] if joint not in members]
            if len(new) == 2 or (new and new[0] in self.finished):
                continue
            if prior and new and not self._improves(animal, new[0]):
                refused.append(entry)
            elif self._add(animal, entry[2]) and new:
                members.add(new[0])
                look(new[0])
                for waiting in refused:
                    heappush(heap, waiting)
                refused.clear()

    def _improves(self, animal: Assembly, joint: int) -> bool:
        """Whether an animal is more like labelled ones with a joint than without."""
        joints = animal.joints.copy()
        joints[self.linked.part[joint]] = joint
        return self.shape(Assembly.of(joints)) < self.shape(animal)


def assembly_pose(xy: np.ndarray, animal: Assembly) -> np.ndarray:
    """An animal's joints (K, 2), nan for a bodypart that is not seen."""
    joints = np.array(animal.joints)
    return np.where(joints[:, None] >= 0, xy[joints], np.nan)
