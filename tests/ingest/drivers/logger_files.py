"""Files of loggers in every situation: real files in a folder that is watched, read into a real journal.

The file of one logger suffers; that of another, with the column of its own series, lies beside it.
"""

from __future__ import annotations

from collections.abc import Sequence

from soilco2.ingest.files import watching
from soilco2.storage.tidy.samples import STRETCH
from tests.ingest.drivers import contract
from tests.ingest.drivers.contract import Account, Bench, Known, known
from tests.ingest.files.watch import HEADER, STATION, Watching, row, rows

FIRST_US = 1_775_836_800_000_000
"""2026-04-10T16:00Z, the midnight of 11 April at UTC+08:00 (``date -u -d 2026-04-10T16:00Z +%s``)."""
TEMPERATURE = '[[connection.column]]\ncolumn = "T"\nposition = "p1/d10"\nvariable = "soil_temperature"\n'
DEEPER = '[[connection.column]]\ncolumn = "CO2_30"\nposition = "p1/d30"\nvariable = "co2"\n'
TWO = STATION.replace(TEMPERATURE, DEEPER) + '[[profile.position]]\nid = "d30"\ndepth_m = 0.30\n'
OTHER = HEADER.replace('"CO2","T"', '"CO2_30","X"')
MANY = 20_000


def measured(numbers: Sequence[int], position: str = "d10") -> set[Known]:
    return {Known(f"import/p1/{position}", "co2", FIRST_US + n * 60_000_000, 400.0 + n) for n in numbers}


class Desk:
    """The folder, what was put into the suffering file, and the pieces that were handed over."""

    def __init__(self, bench: Bench) -> None:
        self.field = Watching(bench.folder, TWO)
        bench.stack.callback(self.field.close)
        bench.monkeypatch.setattr(watching, "SETTLED_S", 0.0)
        self.sizes = [0]
        submit = self.field.submit

        def seen(op: str, **arguments: object) -> object:
            samples = arguments.get("samples", ())
            assert isinstance(samples, Sequence)
            self.sizes.append(len(samples))
            return submit(op, **arguments)

        bench.monkeypatch.setattr(self.field, "submit", seen)
        self.field.watch = self.field.started()

    def account(self, came: int, true: set[Known], *, whole: int = 0) -> Account:
        """The account, once the neighbour was read; `whole` files were refused as they are."""
        self.field.write(OTHER + rows(*range(3)), "other.dat")
        self.field.look()
        counters = self.field.counters()
        assert counters["in"] == came + 3 + whole
        with self.field.reader() as reader:
            samples = known(reader.samples(0, 2**62))
            parked = reader.accounting.parked_counts().get("message", 0)
        return Account(
            came=counters["in"],
            samples=samples,
            refused=counters.get("rejected", 0),
            true=true,
            neighbour=measured(range(3), "d30"),
            waiting=self.sizes,
            bound=STRETCH,
            again=counters.get("duplicate", 0),
            parked=parked,
        )


def silent(bench: Bench) -> Account:
    """No file, then one without rows."""
    desk = Desk(bench)
    desk.field.look()
    desk.field.write(HEADER)
    desk.field.look()
    return desk.account(0, set())


def garbage(bench: Bench) -> Account:
    """Noise under the logger's name is kept as one entry; bad rows among good ones each with its reason."""
    desk = Desk(bench)
    desk.field.write(bytes(range(256)) * 40, "noise.dat")
    bad = [row(1, "wet"), '"2026-04-11 00:01:00",1\r\n', '"soon",1,400,14\r\n', row(1).replace("2026", "2199"),
           '"2026-04-11 00:01:00,1,2,3\r\n', "x" * 70_000 + "\r\n"]  # fmt: skip
    desk.field.write(HEADER + row(0) + "".join(bad) + row(2))
    desk.field.look()
    return desk.account(2 + len(bad), measured([0, 2]), whole=1)


def late(bench: Bench) -> Account:
    """Rows that are older than what is known keep their own times, in any order."""
    desk = Desk(bench)
    desk.field.write(HEADER + row(100))
    desk.field.look()
    desk.field.append(row(7) + row(100) + row(3))
    desk.field.look()
    account = desk.account(4, measured([100, 7, 3]))
    assert account.again == 1
    assert account.true <= set(account.samples)
    return account


def unplugged(bench: Bench) -> Account:
    """The folder goes away, as a network drive does, and comes back."""
    desk = Desk(bench)
    desk.field.write(HEADER + rows(0, 1))
    desk.field.look()
    away = desk.field.folder.rename(desk.field.folder.with_name("away"))
    desk.field.watch.look()
    with (away / "soil.dat").open("a", newline="") as file:
        file.write(rows(2))
    away.rename(desk.field.folder)
    desk.field.look()
    account = desk.account(3, measured([0, 1, 2]))
    assert account.true <= set(account.samples)
    return account


def two_at_one_address(bench: Bench) -> Account:
    """Two files with other numbers for one series and time: both are kept."""
    desk = Desk(bench)
    desk.field.write(HEADER + rows(1, 2))
    desk.field.write(HEADER + row(1, 999) + row(2), "soil2.dat")
    desk.field.look()
    (other,) = measured([1])
    account = desk.account(4, measured([1, 2]) | {other._replace(raw=999.0)})
    assert (account.again, account.refused) == (1, 0)
    assert account.true <= set(account.samples)
    return account


def burst(bench: Bench) -> Account:
    """Twenty thousand rows, handed over in pieces."""
    desk = Desk(bench)
    desk.field.write(HEADER + rows(*range(MANY)))
    desk.field.look()
    account = desk.account(MANY, measured(range(MANY)))
    assert account.true <= set(account.samples)
    return account


def restart(bench: Bench) -> Account:
    """A reading goes on behind any byte at which another ended."""
    desk = Desk(bench)
    whole = (HEADER + rows(*range(12))).encode()
    desk.field.write(HEADER)
    for end in (len(HEADER), len(HEADER) + 1, len(whole) // 2, len(whole) - 2, len(whole)):
        desk.field.write(whole[:end])
        desk.field.look()
        desk.field.watch = desk.field.started()
    account = desk.account(12, measured(range(12)))
    assert (account.again, account.refused) == (0, 0)
    assert account.true <= set(account.samples)
    return account


ROWS: contract.Rows = {
    "silent": silent,
    "garbage": garbage,
    "late": late,
    "unplugged": unplugged,
    "two at one address": two_at_one_address,
    "burst": burst,
    "restart": restart,
}
