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


def unit_text(timer: Timer, folder: Path, *, python: Path | None = None) -> str:
    """The unit file that runs the workspace in `folder` once a day.

    Args:
        timer: which kind.
        folder: the workspace; it is made absolute.
        python: the interpreter that has campwatch; this one where None.
    """
    workspace, interpreter = folder.resolve(), python or Path(sys.executable)
    writers = {Timer.SYSTEMD: _systemd, Timer.CRON: _cron, Timer.WINDOWS: _windows}
    return writers[timer](workspace, interpreter)


def _systemd(folder: Path, python: Path) -> str:
    command = " ".join(_systemd_word(word) for word in _words(folder, python))
    return f"""\
# Save as ~/.config/systemd/user/campwatch.service (first part) and campwatch.timer (second part), then:
#   systemctl --user daemon-reload && systemctl --user enable --now campwatch.timer
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
"""


def _systemd_word(word: str) -> str:
    """A word of ExecStart: quoted, with systemd's own specifiers and variables taken literally."""
    literal = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{literal}"'


def _cron(folder: Path, python: Path) -> str:
    command = shlex.join(_words(folder, python, "-q")).replace("%", "\\%")
    return f"""\
# Add this line with: crontab -e   (cron mails what it prints: only what went wrong)
{MINUTE} {HOUR} * * * {command}
"""


def _windows(folder: Path, python: Path) -> str:
    _, *arguments = _words(folder, python)
    told = " ".join(f'"{word}"' if " " in word or not word.isascii() else word for word in arguments)
    return f"""\
<?xml version="1.0" encoding="UTF-16"?>
<!-- Save as campwatch.xml (UTF-16), then: schtasks /Create /TN campwatch /XML campwatch.xml -->
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo><Description>campwatch: measure what is new</Description></RegistrationInfo>
  <Triggers>
    <CalendarTrigger>
      <StartBoundary>2026-01-01T{HOUR:02}:{MINUTE:02}:00</StartBoundary>
      <Enabled>true</Enabled>
      <ScheduleByDay><DaysInterval>1</DaysInterval></ScheduleByDay>
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


def _words(folder: Path, python: Path, *options: str) -> list[str]:
    return [str(python), "-m", "campwatch", *options, "--log-format", "json", "-C", str(folder), "run"]
