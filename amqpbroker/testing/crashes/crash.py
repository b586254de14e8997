"""The fault that ends the broker at a given octet of its journal."""

from typing import TYPE_CHECKING, Any

from amqpbroker.testing.faults.fault import Fault

if TYPE_CHECKING:
    from amqpbroker.testing.faults.rule import Rule
    from amqpbroker.testing.faults.rules import Rules


class CrashAtByte(Fault):
    """octets: so many more reach the disk. power_cut: and what was not synced is lost. Raises ValueError."""

    name = "crash_at_byte"

    def __init__(self, octets: int, power_cut: bool) -> None:
        if octets < 0:
            raise ValueError(f"n={octets!r}: give how many octets more are written before the crash, 0 or more")
        self._octets = octets
        self._power_cut = power_cut

    def arguments(self) -> dict[str, Any]:
        return {"n": self._octets, "power_cut": self._power_cut}

    def begin(self, rules: "Rules", rule: "Rule") -> None:
        server = rules.server
        disk = server.disk
        if not server.starts_again:
            raise ValueError(f"{rule}: nobody here would start this broker again: kill its process, and start another")
        if disk is None:
            raise ValueError(f"{rule}: the broker keeps everything in memory; make it with Broker(data_dir=…)")

        def crash() -> None:
            rule.strike_once("journal")
            server.crash(power_cut=self._power_cut)

        def reached() -> None:
            # In the thread of the journal.
            server.loop.call_soon_threadsafe(crash)

        disk.crash_after(self._octets, reached)

    def end(self, rules: "Rules", rule: "Rule") -> None:
        if rules.server.disk is not None:
            rules.server.disk.crash_after(None)
