"""Ready unit files for a timer: systemd, cron, Windows Task Scheduler. They are printed, never installed."""

from __future__ import annotations

import shlex
import sys
from enum import StrEnum
from pathlib import Path
from xml.sax.saxutils import escape


class Timer(StrEnum):
    """What starts the runs."""

    SYSTEMD = "systemd"
    CRON = "cron"
    WINDOWS = "windows"


HOUR, MINUTE = 6, 30
"""When a day's run starts, local time: before the morning's review."""
CHECK_DAY, CHECK_HOUR = 1, 12
"""Of the month: when everything is held against its hashes, every pixel included."""
RUN, CHECK = ("run",), ("verify", "--deep")
"""What is called daily, and monthly."""


def unit_text(timer: Timer, folder: Path, *, python: Path | None = None, check: bool = False) -> str:
    """The unit files that run the workspace in `folder` once a day and check it once a month.

    Args:
        timer: which kind.
        folder: the workspace; it is made absolute.
        python: the interpreter that has campwatch; this one where None.
        check: of Windows, whose tasks are a file each, the monthly one.
    """
    workspace, interpreter = folder.resolve(), python or Path(sys.executable)
    if timer is Timer.WINDOWS:
        return _windows(workspace, interpreter, check=check)
    return (_systemd if timer is Timer.SYSTEMD else _cron)(workspace, interpreter)


def _systemd(folder: Path, python: Path) -> str:
    command, checking = (
        " ".join(_systemd_word(word) for word in _words(folder, python, *called)) for called in (RUN, CHECK)
    )
    return f"""\
# Save each part under its name in ~/.config/systemd/user/, then:
#   systemctl --user daemon-reload && systemctl --user enable --now campwatch.timer campwatch-verify.timer
#   loginctl enable-linger      # or the timer rests while nobody is logged in

# ---- campwatch.service
[Unit]
Description=campwatch: measure what is new

[Service]
Type=oneshot
ExecStart={command}
# 3 means done but incomplete: `journalctl --user -u campwatch` says what is missing.
SuccessExitStatus=3
Nice=10

# ---- campwatch.timer
[Unit]
Description=campwatch, once a day

[Timer]
OnCalendar=*-*-* {HOUR:02}:{MINUTE:02}:00
RandomizedDelaySec=15min
Persistent=true

[Install]
WantedBy=timers.target

# ---- campwatch-verify.service
[Unit]
Description=campwatch: archive, ledger and custody against their hashes

[Service]
Type=oneshot
ExecStart={checking}
# 1 means that something is not as it was written: it must not pass unseen.
SuccessExitStatus=3
Nice=15

# ---- campwatch-verify.timer
[Unit]
Description=campwatch: everything checked, once a month

[Timer]
OnCalendar=*-*-{CHECK_DAY:02} {CHECK_HOUR:02}:{MINUTE:02}:00
RandomizedDelaySec=1h
Persistent=true

[Install]
WantedBy=timers.target
"""


def _systemd_word(word: str) -> str:
    """A word of ExecStart: quoted, with systemd's own specifiers and variables taken literally."""
    literal = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{literal}"'


def _cron(folder: Path, python: Path) -> str:
    command, checking = (
        shlex.join(_words(folder, python, *called, options=("-q",))).replace("%", "\\%")
        for called in (RUN, CHECK)
    )
    return f"""\
# Add these lines with: crontab -e   (cron mails what they print: only what went wrong)
{MINUTE} {CHECK_HOUR} {CHECK_DAY} * * {checking}
{MINUTE} {HOUR} * * * {command}
"""


def _windows(folder: Path, python: Path, *, check: bool) -> str:
    name, when = ("campwatch-verify", _MONTHLY) if check else ("campwatch", _DAILY)
    start = f"2026-01-{CHECK_DAY:02}T{CHECK_HOUR if check else HOUR:02}:{MINUTE:02}:00"
    also = "" if check else "\n<!-- The monthly check has a task of its own: add the option check. -->"
    _, *arguments = _words(folder, python, *(CHECK if check else RUN))
    told = " ".join(f'"{word}"' if " " in word or not word.isascii() else word for word in arguments)
    return f"""\
<?xml version="1.0" encoding="UTF-16"?>
<!-- Save as {name}.xml (UTF-16), then: schtasks /Create /TN {name} /XML {name}.xml -->{also}
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo><Description>campwatch: measure what is new</Description></RegistrationInfo>
  <Triggers>
    <CalendarTrigger>
      <StartBoundary>{start}</StartBoundary>
      <Enabled>true</Enabled>
      {when}
    </CalendarTrigger>
  </Triggers>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <StartWhenAvailable>true</StartWhenAvailable>
    <ExecutionTimeLimit>PT12H</ExecutionTimeLimit>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>{escape(str(python))}</Command>
      <Arguments>{escape(told)}</Arguments>
      <WorkingDirectory>{escape(str(folder))}</WorkingDirectory>
    </Exec>
  </Actions>
</Task>
"""


_DAILY = "<ScheduleByDay><DaysInterval>1</DaysInterval></ScheduleByDay>"
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_MONTHLY = (
    f"<ScheduleByMonth><DaysOfMonth><Day>{CHECK_DAY}</Day></DaysOfMonth>"
    f"<Months>{''.join(f'<{month}/>' for month in _MONTHS)}</Months></ScheduleByMonth>"
)


def _words(folder: Path, python: Path, *called: str, options: tuple[str, ...] = ()) -> list[str]:
    return [str(python), "-m", "campwatch", *options, "--log-format", "json", "-C", str(folder), *called]
