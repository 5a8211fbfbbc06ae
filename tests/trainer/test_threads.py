import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(("chosen", "used"), [(None, "PASSIVE"), ("active", "ACTIVE")])
def test_threads_sleep_while_they_wait_unless_the_user_says_otherwise(chosen: str | None, used: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    environment |= {"OMP_DISPLAY_ENV": "true"} | ({"OMP_WAIT_POLICY": chosen} if chosen else {})
    done = subprocess.run(
        [sys.executable, "-c", "import trainer.model"], env=environment, capture_output=True, text=True, timeout=120
    )
    if "OMP_WAIT_POLICY" not in done.stderr:
        pytest.skip("this torch has another OpenMP than GNU's")
    assert f"OMP_WAIT_POLICY = '{used}'" in done.stderr
