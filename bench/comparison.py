"""Turns of several proxies, side by side: ratios, their spread, bars and the table's lines."""

import statistics

_NUMBERS = ("cpu_us", "rate", "p50", "p99", "p999", "others")
HEADER = (f"{'':22} {'CPU µs/request':>15} {'least–most':>15} {'requests/s':>11} "
          f"{'p50 ms':>8} {'p99 ms':>8} {'p99.9 ms':>9} {'others':>7}")


class Bar:
    """`ours` against `other` in one number. The ratio is the median of the rounds' own ratios: the
    two turns of a round saw the same machine. Without `most` it is only printed. `or_spread`: also
    met if our median is no more than the other's worst round."""

    def __init__(self, ours, other, most=None, number="cpu_us", or_spread=False):
        self.ours, self.other, self.most, self.number = ours, other, most, number
        self.or_spread = or_spread

    def judge(self, turns):
        ours = [getattr(turn, self.number) for turn in turns[self.ours]]
        other = [getattr(turn, self.number) for turn in turns[self.other]]
        ratios = [one / two for one, two in zip(ours, other)]
        ratio = statistics.median(ratios)
        met = self.most is None or ratio <= self.most or (
            self.or_spread and statistics.median(ours) <= max(other))
        return Verdict(self, ratio, ratios, met)


class Verdict:
    def __init__(self, bar, ratio, ratios, met):
        self.bar, self.ratio, self.ratios, self.met = bar, ratio, ratios, met

    def line(self):
        bar, what = self.bar, "CPU" if self.bar.number == "cpu_us" else self.bar.number
        limit = "" if bar.most is None else f"≤ {bar.most:g}"
        if bar.or_spread:
            limit += f" or within {bar.other}'s spread"
        verdict = "" if bar.most is None else ("met" if self.met else "MISSED")
        spread = f"{min(self.ratios):.2f}–{max(self.ratios):.2f}"
        return (f"    {what + ', ' + bar.ours + ' / ' + bar.other:46}{self.ratio:.2f} {spread:>15}"
                f"   {limit}  {verdict}").rstrip()

    def as_json(self):
        return {"ours": self.bar.ours, "other": self.bar.other, "number": self.bar.number,
                "ratio": self.ratio, "ratios": self.ratios, "bar": self.bar.most, "met": self.met}


class Comparison:
    """One case's turns: {proxy: [Turn of each round]}."""

    def __init__(self, key, text, turns, bars):
        self.key, self.text, self.turns = key, text, turns
        self.verdicts = [bar.judge(turns) for bar in bars if bar.ours in turns]

    @property
    def met(self):
        return all(one.met for one in self.verdicts)

    def lines(self):
        yield self.text
        for name, turns in self.turns.items():
            cpu = [turn.cpu_us for turn in turns]
            middle = {number: statistics.median(getattr(turn, number) for turn in turns)
                      for number in _NUMBERS}
            yield (f"  {name:20} {middle['cpu_us']:15.2f} "
                   f"{f'{min(cpu):.2f}–{max(cpu):.2f}':>15} {middle['rate']:11,.0f} "
                   f"{middle['p50']:8.2f} {middle['p99']:8.2f} {middle['p999']:9.2f} "
                   f"{middle['others']:7.0%}")
        for verdict in self.verdicts:
            yield verdict.line()

    def as_json(self):
        return {"key": self.key, "text": self.text, "met": self.met,
                "verdicts": [one.as_json() for one in self.verdicts],
                "turns": {name: [{number: getattr(turn, number)
                                  for number in ("requests", "seconds", *_NUMBERS)}
                                 for turn in turns] for name, turns in self.turns.items()}}


class Unmeasured:
    """A case that failed: no number, no bar met."""

    met = False

    def __init__(self, key, text, why):
        self.key, self.text, self.why = key, text, why

    def lines(self):
        yield self.text
        yield f"    NOT MEASURED: {self.why}"

    def as_json(self):
        return {"key": self.key, "text": self.text, "met": False, "why": self.why}
