"""Run a Python program with its bytecode instructions counted, by function: `python -m bench.counted OUT PROGRAM ...`.

SIGUSR1 begins to count anew, SIGUSR2 writes OUT: a line `instructions TAB calls TAB attributes TAB file TAB function`
for each function of the main thread that ran. `attributes` are those of the instructions that look for one the long
way: CPython rewrites an instruction for what it has met (PEP 659), and leaves it as it is where it can't, as with a
member of an Enum or an attribute that an object and its class both have. That is judged when the function is first
met, so it is to have run for a while before. From Python 3.12 on the first call of a function has no instructions.
Such a program is some twenty times slower; the counts are the same.
"""

import dis
import runpy
import signal
import sys
from collections import Counter
from types import CodeType, FrameType
from typing import Any

ATTRIBUTES = ("LOAD_ATTR", "LOAD_METHOD", "STORE_ATTR")
GENERAL = frozenset((*ATTRIBUTES, *(f"{name}_ADAPTIVE" for name in ATTRIBUTES)))
"""What such an instruction is called before it has been rewritten; in Python 3.11 by the second name, too."""


def general_in(code: CodeType) -> frozenset[int]:
    """Where in `code` an attribute is looked for the long way."""
    return frozenset(one.offset for one in dis.get_instructions(code, adaptive=True) if one.opname in GENERAL)


class Count:
    """What has been executed since the last beginning."""

    def __init__(self) -> None:
        self.on = False
        self.instructions: Counter[CodeType] = Counter()
        self.calls: Counter[CodeType] = Counter()
        self.attributes: Counter[CodeType] = Counter()
        self.general: dict[CodeType, frozenset[int]] = {}

    def begin(self, *_: object) -> None:
        """Count from now on. Not traced before: what is traced is not rewritten for what it meets."""
        self.instructions.clear()
        self.calls.clear()
        self.attributes.clear()
        self.general.clear()
        self.on = True
        sys.settrace(self.entered)

    def write(self, path: str) -> None:
        """Count no more, and write what was counted."""
        self.on = False
        sys.settrace(None)
        with open(path, "w", encoding="utf-8") as out:
            for code, count in self.instructions.most_common():
                numbers = f"{count}\t{self.calls[code]}\t{self.attributes[code]}"
                out.write(f"{numbers}\t{code.co_filename}\t{code.co_qualname}\n")

    def entered(self, frame: FrameType, _event: str, _arg: object) -> Any:
        """A function is called: the trace function of a thread."""
        if not self.on:
            return None
        code = frame.f_code
        self.calls[code] += 1
        if code not in self.general:
            self.general[code] = general_in(code)
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return self.executed

    def executed(self, frame: FrameType, event: str, _arg: object) -> Any:
        """One instruction of it."""
        if event == "opcode":
            code = frame.f_code
            self.instructions[code] += 1
            if frame.f_lasti in self.general.get(code, ()):  # what begins anew was met before
                self.attributes[code] += 1
        return self.executed


def main() -> None:
    """Run the program that the command line names."""
    out, program, *_ = sys.argv[1:]
    count = Count()
    signal.signal(signal.SIGUSR1, count.begin)
    signal.signal(signal.SIGUSR2, lambda *_: count.write(out))
    sys.argv = sys.argv[2:]
    runpy.run_path(program, run_name="__main__")


if __name__ == "__main__":
    main()
