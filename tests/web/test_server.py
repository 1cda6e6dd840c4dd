"""The server answers, names no other host, and reads no file of its machine for anybody."""

import json
import re
import socket
import time
import urllib.error
import urllib.request
from threading import Event, Thread
from urllib.parse import urlsplit

import pytest

from latentopt.errors import LatentoptError

pytest.importorskip("gradio", reason="the page needs Gradio: pip install 'latentopt[app]'")

from latentopt.web.line import Stopped, Wanted
from latentopt.web.page import page
from latentopt.web.server import LOCAL, MOST_WAITING, serve

TEXT = "the old baker sells warm bread"


def get(url, **headers):
    """Status, headers and body."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def post(url, document):
    request = urllib.request.Request(url, json.dumps(document).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def upload(served, content):
    """What the server answers to a file."""
    boundary = b"x" * 20
    body = (
        b"--%b\r\n" % boundary
        + b'Content-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\n'
        + content
        + b"\r\n--%b--\r\n" % boundary
    )
    kind = {"Content-Type": f"multipart/form-data; boundary={boundary.decode()}"}
    return urllib.request.urlopen(urllib.request.Request(f"{served.url}gradio_api/upload", body, kind), timeout=30)


def test_the_page_is_served_on_this_machine_alone(served):
    status, _, body = get(served.url)
    assert status == 200
    assert b"latentopt" in body
    assert urlsplit(served.url).hostname == "127.0.0.1"
    listening = served.blocks.server.config.host
    assert listening == "127.0.0.1"


def test_nothing_that_a_browser_loads_names_another_host(served):
    body = get(served.url)[2].decode()
    loaded = re.findall(r"<(?:script|link|img|iframe)\b[^>]*?(?:src|href)=[\"']([^\"']+)", body)
    assert loaded
    styles = [url for url in loaded if url.endswith(".css")]
    for url in loaded:
        assert urlsplit(url).hostname is None, url
    for url in styles:
        sheet = get(served.url + url.removeprefix("./"))[2].decode()
        assert re.findall(r"url\([\"']?https?://[^)]*|@import[^;]*https?://[^;]*", sheet) == []
    theme = get(served.url + "theme.css")[2].decode()
    assert re.findall(r"url\([\"']?https?://[^)]*|@import[^;]*", theme) == []


def test_a_browser_is_told_to_ask_no_other_host(served):
    for url in (served.url, served.url + "config"):
        policy = get(url)[1]["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "http" not in policy


def test_no_analytics_and_no_share(served):
    config = json.loads(get(served.url + "config")[2])
    assert config["analytics_enabled"] is False
    assert served.blocks.share is False
    assert served.blocks.share_url is None
    assert config.get("run_history", False) is False


def test_serving_asks_no_other_host(desk, line, monkeypatch):
    asked = []
    connect, resolve = socket.socket.connect, socket.getaddrinfo

    def check(host):
        if host not in LOCAL:
            asked.append(host)
            raise OSError("no network")

    def connect_here(self, address):
        if isinstance(address, tuple):
            check(address[0])
        return connect(self, address)

    def resolve_here(host, *rest, **more):  # where there is no network, what has a name comes no further
        check(host)
        return resolve(host, *rest, **more)

    monkeypatch.setattr(socket.socket, "connect", connect_here)
    monkeypatch.setattr(socket, "getaddrinfo", resolve_here)
    other = serve(page(desk, line))
    try:
        assert get(other.url)[0] == 200
    finally:
        other.close()
    assert asked == []


def test_other_names_for_this_machine_are_refused(served):
    """A site whose name is made to mean 127.0.0.1 cannot read the page (DNS rebinding)."""
    assert get(served.url, Host="evil.example")[0] == 400


@pytest.mark.parametrize(
    "path",
    [
        "gradio_api/file=/etc/passwd",
        "gradio_api/file=pyproject.toml",
        "gradio_api/file=../../../../etc/passwd",
        "gradio_api/file=/proc/self/environ",
        "file=/etc/passwd",
        "static/../../../../../../etc/passwd",
        "assets/..%2f..%2f..%2f..%2fetc/passwd",
        "gradio_api/proxy=http://127.0.0.1:1/",
    ],
)
def test_no_file_of_the_machine_is_served(served, path):
    status, _, body = get(served.url + path)
    assert status >= 400, body[:100]
    assert b"root:" not in body


def test_no_file_of_the_machine_is_read_but_what_was_uploaded(served, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("a secret of this machine\nanother\nand one more\n")
    (event,) = [fn for fn in served.blocks.fns.values() if fn.name == "draw"]
    with upload(served, secret.read_bytes()) as answer:
        (uploaded,) = json.load(answer)
    told = {}
    for path in (uploaded, str(secret)):
        data = [{"path": path, "meta": {"_type": "gradio.FileData"}}, "text", "", None, TEXT, None, None]
        join = {"data": data, "fn_index": event._id, "session_hash": f"stranger{len(told)}"}
        assert post(f"{served.url}gradio_api/queue/join?__theme=light", join)[0] == 200
        told[path] = get(f"{served.url}gradio_api/queue/data?session_hash={join['session_hash']}")[2].decode()
    assert '"success":true' in told[uploaded].replace(" ", "")
    assert '"success":false' in told[str(secret)].replace(" ", "")
    assert "secret of this machine" not in told[str(secret)]
    assert "secret of this machine" not in get(served.url + f"gradio_api/file={secret}")[2].decode()


def test_functions_cannot_be_called_by_name(served):
    info = json.loads(get(served.url + "gradio_api/info")[2])
    assert info["named_endpoints"] == {}
    assert info["unnamed_endpoints"] == {}


def test_too_many_requests_are_turned_away(served):
    assert served.blocks._queue.max_size == MOST_WAITING
    model = [fn for fn in served.blocks.fns.values() if fn.name in ("write", "draw", "sweep", "between", "file")]
    lines = {fn.name: (fn.concurrency_id, fn.concurrency_limit) for fn in model}
    assert lines == {
        "write": ("model", 1),
        "between": ("model", 1),
        "draw": ("long", 4),
        "sweep": ("long", 4),
        "file": ("long", 4),
    }


def test_who_waits_is_known(desk, line, monkeypatch):
    """By a queue of Gradio's that has no public name: this fails where a new version has another."""
    begun, go_on = Event(), Event()

    def edits(asked, text):
        begun.set()
        go_on.wait(60)
        return iter(())

    monkeypatch.setattr(desk, "edits", edits)
    blocks = page(desk, line)
    other = serve(blocks)
    (event,) = [fn for fn in blocks.fns.values() if fn.name == "write"]
    try:
        assert line.waiting == 0
        assert line.part(Wanted(), len, "ab") == 2
        for place in range(3):
            data = [TEXT, None, ["likes"], [], "", 0, 2, None, 1]
            join = {"data": data, "fn_index": event._id, "session_hash": f"s{place}"}
            assert post(f"{other.url}gradio_api/queue/join", join)[0] == 200
        assert begun.wait(60)
        assert line.waiting == 2
        unwanted = Wanted(still=False)
        with pytest.raises(Stopped):
            line.part(unwanted, len, "ab")  # it need not wait for others
        monkeypatch.setattr("latentopt.web.line.PATIENCE", 0.1)
        assert line.part(Wanted(), len, "ab") == 2  # for no longer than that
    finally:
        go_on.set()
        other.close()


def test_long_requests_take_turns(line):
    """Part by part, so that nobody waits for the whole of another's."""
    done, go_on = [], Event()

    def part(name):
        done.append(name)
        assert go_on.wait(60)

    def work(name):
        wanted = Wanted()
        for _ in range(3):
            line.part(wanted, part, name)

    both = [Thread(target=work, args=[name]) for name in "ab"]
    for place, thread in enumerate(both, 1):
        thread.start()
        while len(line._turns) < place:
            time.sleep(0.01)
    go_on.set()
    for thread in both:
        thread.join(60)
    assert sorted(done) == ["a"] * 3 + ["b"] * 3
    assert done[:2] == ["a", "b"]


def test_files_that_are_too_large_are_refused(served):
    with pytest.raises(urllib.error.HTTPError) as refused:
        upload(served, b"a" * 6_000_000)
    assert refused.value.code == 413


def test_a_port_that_is_taken_is_an_error_with_a_remedy(served, desk, line):
    with pytest.raises(LatentoptError, match="choose another with --port"):
        serve(page(desk, line), port=urlsplit(served.url).port)
