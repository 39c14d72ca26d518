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
HEALTH_HOUR = 19
"""When a day's health is looked at: after the longest run that is no trouble."""
LONGEST_H = 12
"""Hours after which a run is ended; the next one does the rest."""
RETRY_MINUTES, RETRIES = 60, 3
"""A run that failed is begun again so much later, so many times."""


class Job(StrEnum):
    """What is called."""

    RUN = "campwatch"
    CHECK = "campwatch-verify"
    HEALTH = "campwatch-health"


_CALLED = {Job.RUN: ("run",), Job.CHECK: ("verify", "--deep"), Job.HEALTH: ("healthcheck", "--tell")}
_ABOUT = {
    Job.RUN: "measure what is new",
    Job.CHECK: "archive, ledger and custody against their hashes",
    Job.HEALTH: "tell somebody where runs fail or fail to come",
}


def unit_text(
    timer: Timer, folder: Path, *, python: Path | None = None, job: Job = Job.RUN, account: str | None = None
) -> str:
    """The unit files that run the workspace daily, look after its health daily, and check it once a month.

    Args:
        timer: which kind.
        folder: the workspace; it is made absolute.
        python: the interpreter that has campwatch; this one where None.
        job: of Windows, whose tasks are a file each, which.
        account: of systemd, the account that the machine's own units run under; None for units of a user.
    """
    workspace, interpreter = folder.resolve(), python or Path(sys.executable)
    if timer is Timer.WINDOWS:
        return _windows(workspace, interpreter, job)
    if timer is Timer.CRON:
        return _cron(workspace, interpreter)
    return _systemd(workspace, interpreter, account)


_HARDENED = """\
UMask=0077
NoNewPrivileges=yes
LockPersonality=yes
RestrictSUIDSGID=yes
RestrictRealtime=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
SystemCallArchitectures=native
SystemCallFilter=@system-service
"""
_HARDENED_SYSTEM = """\
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
CapabilityBoundingSet=
"""
"""What needs mounts of its own, which the units of a user cannot always have."""
_WHERE_USER = """\
# Save each part under its name in ~/.config/systemd/user/, then:
#   systemctl --user daemon-reload
#   systemctl --user enable --now campwatch.timer campwatch-verify.timer campwatch-health.timer
#   loginctl enable-linger      # or the timers rest while nobody is logged in
# `--account NAME` prints units for /etc/systemd/system, which are locked in further.
"""
_WHERE_SYSTEM = """\
# Save each part under its name in /etc/systemd/system/, then:
#   systemctl daemon-reload
#   systemctl enable --now campwatch.timer campwatch-verify.timer campwatch-health.timer
# Secrets: systemd-creds encrypt --name=CAMPWATCH_ALERTS__EMAIL__PASSWORD - FILE, and in both services
#   LoadCredentialEncrypted=CAMPWATCH_ALERTS__EMAIL__PASSWORD:FILE
"""


def _systemd(folder: Path, python: Path, account: str | None) -> str:
    head = _WHERE_USER if account is None else _WHERE_SYSTEM
    daily, health = f"*-*-* {HOUR:02}:{MINUTE:02}:00", f"*-*-* {HEALTH_HOUR:02}:{MINUTE:02}:00"
    monthly = f"*-*-{CHECK_DAY:02} {CHECK_HOUR:02}:{MINUTE:02}:00"
    parts = [
        _service(Job.RUN, folder, python, account, longest_h=LONGEST_H, nice=10),
        _timer(Job.RUN, daily, "15min"),
        _service(Job.HEALTH, folder, python, account, longest_h=1, nice=0),
        _timer(Job.HEALTH, health, "15min"),
        _service(Job.CHECK, folder, python, account, longest_h=2 * LONGEST_H, nice=15),
        _timer(Job.CHECK, monthly, "1h"),
    ]
    return "\n".join([head, *parts])


def _service(job: Job, folder: Path, python: Path, account: str | None, *, longest_h: int, nice: int) -> str:
    """A service; one that fails has the health service tell of it."""
    command = " ".join(_systemd_word(word) for word in _words(folder, python, *_CALLED[job]))
    failing = "" if job is Job.HEALTH else f"OnFailure={Job.HEALTH}.service\n"
    locked = "" if account is None else f"User={account}\n{_HARDENED_SYSTEM}ReadWritePaths={_path(folder)}\n"
    return f"""\
# ---- {job}.service
[Unit]
Description=campwatch: {_ABOUT[job]}
{failing}
[Service]
Type=oneshot
ExecStart={command}
# 3 means done but incomplete: `journalctl -u {job}` (with --user where it is a user's) says what is missing.
SuccessExitStatus=3
TimeoutStartSec={longest_h}h
Nice={nice}
{_HARDENED}{locked}"""


def _timer(job: Job, when: str, about: str) -> str:
    return f"""\
# ---- {job}.timer
[Unit]
Description=campwatch: {_ABOUT[job]}

[Timer]
OnCalendar={when}
RandomizedDelaySec={about}
Persistent=true

[Install]
WantedBy=timers.target
"""


def _systemd_word(word: str) -> str:
    """A word of ExecStart: quoted, with systemd's own specifiers and variables taken literally."""
    literal = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{literal}"'


def _path(folder: Path) -> str:
    """A path of ReadWritePaths."""
    literal = str(folder).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{literal}"'


def _cron(folder: Path, python: Path) -> str:
    """`timeout` ends what hangs; what was told stays in a file, and cron mails what went wrong."""
    lines = {
        job: shlex.join(
            ["timeout", f"{LONGEST_H}h", *_words(folder, python, *called, options=_kept(folder, job, "-q"))]
        ).replace("%", "\\%")
        for job, called in _CALLED.items()
    }
    return f"""\
# Add these lines with: crontab -e   (cron mails what they print: only what went wrong)
{MINUTE} {CHECK_HOUR} {CHECK_DAY} * * {lines[Job.CHECK]}
{MINUTE} {HEALTH_HOUR} * * * {lines[Job.HEALTH]}
{MINUTE} {HOUR} * * * {lines[Job.RUN]}
"""


def _windows(folder: Path, python: Path, job: Job) -> str:
    hour = {Job.RUN: HOUR, Job.CHECK: CHECK_HOUR, Job.HEALTH: HEALTH_HOUR}[job]
    start = f"2026-01-{CHECK_DAY:02}T{hour:02}:{MINUTE:02}:00"
    also = (
        ""
        if job is not Job.RUN
        else "\n<!-- Health and the monthly check have their own tasks: add the option health or check. -->"
    )
    _, *arguments = _words(folder, python, *_CALLED[job], options=_kept(folder, job))
    told = " ".join(f'"{word}"' if " " in word or not word.isascii() else word for word in arguments)
    return f"""\
<?xml version="1.0" encoding="UTF-16"?>
<!-- Save as {job}.xml (UTF-16), then: schtasks /Create /TN {job} /XML {job}.xml -->{also}
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo><Description>campwatch: {_ABOUT[job]}</Description></RegistrationInfo>
  <Triggers>
    <CalendarTrigger>
      <StartBoundary>{start}</StartBoundary>
      <Enabled>true</Enabled>
      {_MONTHLY if job is Job.CHECK else _DAILY}
    </CalendarTrigger>
  </Triggers>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <ExecutionTimeLimit>PT{LONGEST_H}H</ExecutionTimeLimit>
    <RestartOnFailure><Interval>PT{RETRY_MINUTES}M</Interval><Count>{RETRIES}</Count></RestartOnFailure>
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


def _kept(folder: Path, job: Job, *options: str) -> tuple[str, ...]:
    """Options with which what is told stays in a file of the workspace, where there is no journal."""
    return (*options, "--log-file", str(folder / "logs" / f"{job}.log"))


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
