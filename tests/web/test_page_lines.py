"""Every line of an error that the page can show is there in Chinese too."""

from __future__ import annotations

import json
import re
from pathlib import Path

from error_lines import lines
from garden import Garden
from playwright.sync_api import expect
from watching import Visit

TABLE = Path(__file__).parents[2] / "web" / "src" / "words" / "lines.json"


def test_no_line_is_missing() -> None:
    table = json.loads(TABLE.read_text("utf-8"))
    missing = {line: at for line, at in lines().items() if line not in table}
    assert missing == {}, "say it in web/src/words/lines.json, and run `make web`"


def test_each_is_said_in_chinese_with_all_its_places() -> None:
    for line, ours in json.loads(TABLE.read_text("utf-8")).items():
        assert re.search("[\u4e00-\u9fff]", ours), line
        places = [str(at) for at in range(1, line.count("{}") + 1)]
        assert set(re.findall(r"\{(\d)\}", ours)) == set(places), line


def test_a_refusal_is_read_in_chinese(home: Garden, visit: Visit) -> None:
    page = visit(home, enter=False, locale="zh-CN")
    page.goto(home.url)
    page.locator("input[name=name]").fill("Anna")
    page.locator("input[name=passphrase]").fill("no words of hers")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").first).to_have_text("名字或密码短语不对：请重新输入")


def test_an_unknown_line_is_told_as_the_servers(alone: Garden, visit: Visit) -> None:
    page = visit(alone, locale="zh-CN")
    page.route("**/turns", lambda route: route.fulfill(status=500, body='{"error": "tree fell"}'))
    page.locator(".composer textarea").fill("hello")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").first).to_contain_text("服务器说：tree fell")
