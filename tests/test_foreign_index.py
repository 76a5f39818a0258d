"""A folder from somebody else brings its index of blocks along; nothing that it says is believed."""

import json
import sqlite3
from pathlib import Path

from laid import Publisher
from storyteller import run_mirror


def test_an_index_that_hides_damage_is_not_believed(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path)
    publisher.publish(["One.", "Two."])
    publisher.run("list")
    car = max((publisher.home / "archive" / "editions").glob("*.car"))
    with car.open("ab") as file:
        file.write(b"\x7fgarbage")
    publisher.run("list")
    with sqlite3.connect(publisher.home / "cache" / "index.sqlite") as index:
        assert index.execute("UPDATE cars SET damage = NULL WHERE damage IS NOT NULL").rowcount == 1
    index.close()
    judged = run_mirror("--json", "verify", "--key", publisher.vkey, publisher.home)
    assert judged.code == 1
    assert car.name in json.dumps(json.loads(judged.out))
    assert json.loads(judged.out)["claims"]["unchanged"]["state"] == "false"
