from __future__ import annotations

import configparser
import shlex
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from campwatch.run.schedule import Job, Timer, unit_text

FOLDER = Path("/tmp") / "감시 100% $HOME 'x'"
PYTHON = Path("/opt/my env/bin/python")


def test_cron_line_calls_the_run_with_the_folder_as_it_is():
    line = unit_text(Timer.CRON, FOLDER, python=PYTHON).splitlines()[-1]
    minute, hour, *stars, command = line.split(" ", 5)
    assert stars == ["*", "*", "*"]
    assert 0 <= int(minute) < 60
    assert 0 <= int(hour) < 24
    assert "%" not in command.replace("\\%", "")
    words = shlex.split(command.replace("\\%", "%"))
    assert words[2] == str(PYTHON)
    assert words[-2:] == [str(FOLDER.resolve()), "run"]


def systemd_parts() -> list[str]:
    text = unit_text(Timer.SYSTEMD, FOLDER, python=PYTHON)
    return [part.split("\n", 1)[1] for part in text.split("# ---- ")[1:]]


def test_systemd_units_are_complete():
    service, timer = (configparser.ConfigParser(interpolation=None, strict=False) for _ in range(2))
    for parser in (service, timer):
        parser.optionxform = str
    service.read_string(systemd_parts()[0])
    timer.read_string(systemd_parts()[1])
    assert service["Service"]["Type"] == "oneshot"
    assert "3" in service["Service"]["SuccessExitStatus"].split()
    assert "%%" in service["Service"]["ExecStart"]
    assert "$$HOME" in service["Service"]["ExecStart"]
    assert timer["Install"]["WantedBy"] == "timers.target"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze on this machine")
@pytest.mark.parametrize("account", [None, "nobody"])
def test_systemd_itself_takes_the_units(tmp_path, account):
    python = Path(shutil.which("true") or "/bin/true")
    text = unit_text(Timer.SYSTEMD, tmp_path, python=python, account=account)
    parts = [part.split("\n", 1)[1] for part in text.split("# ---- ")[1:]]
    names = [f"{job}.{unit}" for job in (Job.RUN, Job.HEALTH, Job.CHECK) for unit in ("service", "timer")]
    for name, part in zip(names, parts, strict=True):
        (tmp_path / name).write_text(part, encoding="utf-8")
    command = [
        "systemd-analyze",
        "verify",
        "--man=no",
        *(tmp_path / name for name in names),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_windows_task_is_xml_with_the_command():
    text = unit_text(Timer.WINDOWS, FOLDER, python=PYTHON)
    task = ET.fromstring(text.replace('encoding="UTF-16"', 'encoding="UTF-8"').encode())
    space = {"t": "http://schemas.microsoft.com/windows/2004/02/mit/task"}
    assert task.findtext("t:Actions/t:Exec/t:Command", namespaces=space) == str(PYTHON)
    arguments = task.findtext("t:Actions/t:Exec/t:Arguments", namespaces=space)
    assert f'"{FOLDER.resolve()}"' in arguments
    assert arguments.endswith(" run")
    assert task.findtext("t:Settings/t:MultipleInstancesPolicy", namespaces=space) == "IgnoreNew"


def test_everything_is_checked_once_a_month():
    checking = unit_text(Timer.CRON, FOLDER, python=PYTHON).splitlines()[1]
    minute, hour, day, *stars, command = checking.split(" ", 5)
    assert (day, stars) == ("1", ["*", "*"])
    assert int(minute) < 60
    assert int(hour) < 24
    assert shlex.split(command.replace("\\%", "%"))[-2:] == ["verify", "--deep"]
    service, timer = systemd_parts()[4:]
    assert '"verify" "--deep"' in service
    assert "OnCalendar=*-*-01" in timer
    task = ET.fromstring(
        unit_text(Timer.WINDOWS, FOLDER, python=PYTHON, job=Job.CHECK).replace("UTF-16", "UTF-8").encode()
    )
    space = {"t": "http://schemas.microsoft.com/windows/2004/02/mit/task"}
    assert task.findtext("t:Actions/t:Exec/t:Arguments", namespaces=space).endswith(" verify --deep")
    assert len(task.find("t:Triggers/t:CalendarTrigger/t:ScheduleByMonth/t:Months", space)) == 12


def test_what_fails_or_hangs_is_ended_and_told():
    for number, job in enumerate((Job.RUN, Job.HEALTH, Job.CHECK)):
        service = systemd_parts()[2 * number]
        assert ("OnFailure=campwatch-health.service" in service) == (job is not Job.HEALTH)
        assert "TimeoutStartSec=" in service
        assert "NoNewPrivileges=yes" in service
    assert '"healthcheck" "--tell"' in systemd_parts()[2]
    of_the_machine = unit_text(Timer.SYSTEMD, FOLDER, python=PYTHON, account="watch")
    assert of_the_machine.count("User=watch\n") == of_the_machine.count("ProtectSystem=strict\n") == 3
    assert f'ReadWritePaths="{str(FOLDER.resolve()).replace("%", "%%")}"' in of_the_machine
    for line in unit_text(Timer.CRON, FOLDER, python=PYTHON).splitlines()[1:]:
        words = shlex.split(line.split(" ", 5)[5].replace("\\%", "%"))
        assert words[:2] == ["timeout", "12h"]
        assert Path(words[words.index("--log-file") + 1]).parent == FOLDER.resolve() / "logs"
    space = {"t": "http://schemas.microsoft.com/windows/2004/02/mit/task"}
    for job in Job:
        text = unit_text(Timer.WINDOWS, FOLDER, python=PYTHON, job=job).replace("UTF-16", "UTF-8")
        task = ET.fromstring(text.encode())
        assert task.find("t:Settings/t:RestartOnFailure/t:Count", space).text == "3"
        assert task.findtext("t:Settings/t:ExecutionTimeLimit", namespaces=space) == "PT12H"
        assert f"{job}.log" in task.findtext("t:Actions/t:Exec/t:Arguments", namespaces=space)


def test_the_command_prints_and_installs_nothing(cli, tmp_path):
    (tmp_path / "campwatch.toml").write_text("", encoding="utf-8")
    result = cli("-C", tmp_path, "schedule", "--cron")
    assert result.returncode == 0
    assert "campwatch" in result.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["campwatch.toml"]
    assert cli("schedule").returncode == 2


def test_the_container_runs_without_rights():
    lines = (Path(__file__).resolve().parents[2] / "Containerfile").read_text("utf-8").splitlines()
    (user,) = [line.split()[1] for line in lines if line.startswith("USER")]
    assert user.split(":")[0] not in {"0", "root"}
    assert any(line.startswith("HEALTHCHECK") and '"healthcheck"' in line for line in lines)
    assert any("--require-hashes" in line for line in lines)
