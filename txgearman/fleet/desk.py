"""
What the owner of a fleet may ask its master, and tell it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from attrs import asdict
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from txgearman.errors import GearmanError

if TYPE_CHECKING:
    from txgearman.fleet.autoscaling import Autoscaling
    from txgearman.fleet.group import ChildRow, Group

Request = Mapping[str, Any]
"""
A request: C{do} says what, the rest belongs to that.
"""


class Refused(GearmanError):
    """
    The master of a fleet does not do what it is told.
    """


class Kept(Protocol):
    """
    A fleet.
    """

    @property
    def groups(self) -> Mapping[str, Group]:
        """
        Its groups, by name.
        """

    @property
    def autoscalings(self) -> Mapping[str, Autoscaling]:
        """
        What scales those that are autoscaled, by their names.
        """


class Desk:
    """
    Where a fleet is looked at and told.
    """

    def __init__(self, reactor: IReactorTime, fleet: Kept) -> None:
        self._clock = reactor
        self._fleet = fleet

    async def answer(self, request: object) -> Any:
        """
        Do what is asked.

        @param request: as JSON has it, whatever that is.
        @return: what JSON can say.
        @raise Refused: when it cannot be done.
        """
        if not isinstance(request, dict):
            raise Refused("a request is an object of JSON")
        what = request.get("do")
        do = _DOINGS.get(what) if isinstance(what, str) else None
        if do is None:
            known = ", ".join(_DOINGS)
            raise Refused(f"there is no {what!r:.80} to do; there are: {known}")
        return await do(self, request)

    async def _list(self, request: Request) -> Any:
        """
        Tell all about the groups and their children.
        """
        return [self._group(group) for group in self._fleet.groups.values()]

    def _group(self, group: Group) -> dict[str, Any]:
        settings = group.settings
        scaling = self._fleet.autoscalings.get(group.name)
        return {
            "group": group.name,
            "count": group.count,
            "min": settings.min if scaling is not None else None,
            "max": settings.max if scaling is not None else None,
            "held": scaling is not None and scaling.held,
            "paused": group.paused,
            "children": [self._child(child) for child in group.children],
        }

    def _child(self, child: ChildRow) -> dict[str, Any]:
        age = max(0.0, self._clock.seconds() - child.started) if child.pid else 0.0
        return {**asdict(child), "age": round(age, 3)}

    async def _scale(self, request: Request) -> Any:
        """
        Give a group as many children, for good or until it is resumed.
        """
        group = self._named(request)
        count = request.get("count")
        if isinstance(count, bool) or not isinstance(count, int):
            raise Refused(f"count wants a whole number, not {count!r:.80}")
        scaling = self._fleet.autoscalings.get(group.name)
        try:
            (group.scale if scaling is None else scaling.hold)(count)
        except ValueError as error:
            raise Refused(str(error)) from None

    async def _restart(self, request: Request) -> Any:
        """
        Replace the children of a group, or of all, one after the other.
        """
        named = "group" in request
        groups = [self._named(request)] if named else self._fleet.groups.values()
        restarting = DeferredList(list(map(_restarting, groups)))
        if request.get("wait"):
            troubles = [trouble for _, trouble in await restarting if trouble]
            if troubles:
                raise Refused("; ".join(troubles))

    async def _pause(self, request: Request) -> Any:
        """
        Stop the children of a group, and start none.
        """
        self._named(request).pause()

    async def _resume(self, request: Request) -> Any:
        """
        Undo that, and that it was scaled by hand.
        """
        group = self._named(request)
        scaling = self._fleet.autoscalings.get(group.name)
        if scaling is not None:
            scaling.release()
        group.resume()

    def _named(self, request: Request) -> Group:
        """
        Find the group that a request is about.
        """
        name = request.get("group")
        group = self._fleet.groups.get(name) if isinstance(name, str) else None
        if group is None:
            known = ", ".join(self._fleet.groups)
            raise Refused(f"there is no group {name!r:.80}; there are: {known}")
        return group


def _restarting(group: Group) -> Deferred[str]:
    """
    Restart a group.

    @return: fires with what went wrong; empty when nothing did.
    """

    def failed(failure: Failure) -> str:
        # The group has logged it.
        return f"group {group.name} did not restart: {failure.getErrorMessage()}"

    restarting: Deferred[str] = group.restart().addCallbacks(lambda _: "", failed)
    return restarting


_DOINGS: Final[Mapping[str, Callable[[Desk, Request], Awaitable[Any]]]] = {
    "list": Desk._list,
    "scale": Desk._scale,
    "restart": Desk._restart,
    "pause": Desk._pause,
    "resume": Desk._resume,
}
