"""What goes wrong with a hub, on the fake one, through the real koji client: connections, sessions, uploads, log-in."""

from collections.abc import AsyncIterator
from pathlib import Path

import koji
import pytest
import requests

from tests.fakes.koji.certificates import Certificates
from tests.fakes.koji.stage import BASE, Stage, existing, make_srpm


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    made = await Stage(tmp_path).open()
    yield made
    await made.close()


async def test_a_dropped_connection_is_tried_again(stage: Stage) -> None:
    failure = stage.hub.fail(method="getTag", drop=True, times=2)

    assert (await stage.ask("getTag", BASE))["name"] == BASE
    assert (failure.hits, stage.hub.calls["getTag"]) == (2, 1)


async def test_a_bad_gateway_is_tried_again_until_it_is_too_often(stage: Stage) -> None:
    stage.hub.fail(status=502, times=2)
    assert (await stage.ask("getTag", BASE))["name"] == BASE

    stage.hub.fail(status=502, times=None)
    with pytest.raises(requests.exceptions.HTTPError, match="502"):
        await stage.ask("getTag", BASE)


async def test_a_hub_that_says_nothing_is_given_up(stage: Stage) -> None:
    failure = stage.hub.fail(method="getTag", hang=True, times=None)
    patient = stage.session(timeout=0.1, max_retries=0)

    with pytest.raises(requests.exceptions.ReadTimeout):
        await stage.call(patient.getTag, BASE)
    assert failure.hits >= 1


async def test_a_call_that_changed_something_is_not_done_again(stage: Stage) -> None:
    stage.hub.fail(method="build", lose_answer=True)

    with pytest.raises(koji.RetryError, match="unable to retry call"):
        await stage.ask("build", existing("bar"), BASE, {"scratch": True})
    assert len(stage.hub.world.tasks) == 1


async def test_a_call_that_only_read_is_answered_again(stage: Stage) -> None:
    stage.hub.fail(method="getTag", lose_answer=True)

    assert (await stage.ask("getTag", BASE))["name"] == BASE
    assert stage.hub.calls["getTag"] == 2


async def test_an_expired_session_is_renewed_without_a_word(stage: Stage) -> None:
    stage.hub.expire_sessions()

    assert (await stage.ask("getLoggedInUser"))["name"] == "bot"
    assert stage.hub.calls["login"] == 2
    assert len(stage.hub.world.sessions) == 1


async def test_a_session_expires_after_a_day(stage: Stage) -> None:
    stage.clock.move(hours=23.9)
    await stage.ask("getTag", BASE)
    assert stage.hub.calls["login"] == 1
    stage.clock.move(hours=0.2)

    await stage.ask("getTag", BASE)

    assert stage.hub.calls["login"] == 2


async def test_a_session_that_is_renewed_after_a_change_is_out_of_sequence(stage: Stage) -> None:
    for _ in range(2):
        await stage.ask("build", existing("bar"), BASE, {"scratch": True})
    stage.hub.expire_sessions()

    with pytest.raises(koji.SequenceError):
        await stage.ask("getTag", BASE)
    fresh = await stage.logged_in("bot", "secret")
    assert (await stage.call(fresh.getLoggedInUser))["name"] == "bot"


async def test_a_session_that_expires_within_a_multicall_takes_all_of_it_again(stage: Stage) -> None:
    stage.hub.fail(method="multiCall", expire=True)

    def ask() -> list[str]:
        with stage.bot.multicall() as many:
            asked = [many.getTag(BASE) for _ in range(3)]
        return [each.result["name"] for each in asked]

    assert await stage.call(ask) == [BASE] * 3


async def test_a_session_that_was_closed_is_a_stranger(stage: Stage) -> None:
    stage.hub.end_sessions()

    with pytest.raises(koji.AuthError, match="Invalid session or bad credentials"):
        await stage.ask("getTag", BASE)


async def test_a_fault_within_a_multicall_hits_one_call(stage: Stage) -> None:
    stage.hub.fail(method="getTaskInfo", fault=koji.GenericError("database error"))

    def ask() -> list[object]:
        with stage.bot.multicall() as many:
            return [many.getTaskInfo(1), many.getTaskInfo(1)]

    first, second = await stage.call(ask)

    with pytest.raises(koji.GenericError, match="database error"):
        _ = first.result
    assert second.result is None


async def test_a_hub_under_maintenance_says_so(stage: Stage) -> None:
    stage.hub.gate.offline = "Server disabled for maintenance"

    with pytest.raises(koji.ServerOffline, match="maintenance"):
        await stage.ask("getTag", BASE)


async def test_a_user_who_is_blocked_is_refused(stage: Stage) -> None:
    stage.user.status = koji.USER_STATUS["BLOCKED"]

    with pytest.raises(koji.AuthError, match="logins by bot are not allowed"):
        await stage.ask("getTag", BASE)


async def test_a_request_that_is_no_call_is_a_bad_request(stage: Stage) -> None:
    answer = await stage.call(requests.post, stage.hub.url, data=b"hello", timeout=5)
    read = await stage.call(requests.get, stage.hub.url, timeout=5)

    assert (answer.status_code, read.status_code) == (400, 405)


# Uploads.


async def test_a_file_is_uploaded_in_parts(stage: Stage) -> None:
    file = make_srpm(stage.directory / "made", "foo", "2")

    await stage.call(stage.bot.uploadWrapper, str(file), "cli-build/7", blocksize=1000)

    assert (stage.directory / "work/cli-build/7/foo-2-1.src.rpm").read_bytes() == file.read_bytes()
    assert stage.hub.calls["rawUpload"] == -(-file.stat().st_size // 1000)


async def test_a_part_that_is_lost_is_sent_again(stage: Stage) -> None:
    stage.hub.fail(method="rawUpload", drop=True)
    stage.hub.fail(method="rawUpload", lose_answer=True)
    file = make_srpm(stage.directory / "made", "foo", "2")

    await stage.call(stage.bot.uploadWrapper, str(file), "cli-build/7", blocksize=1000)

    assert (stage.directory / "work/cli-build/7/foo-2-1.src.rpm").read_bytes() == file.read_bytes()


async def test_uploads_stay_where_they_belong_and_with_whom(stage: Stage) -> None:
    file = make_srpm(stage.directory / "made", "foo", "2")
    for where in ("..", "../packages", "tasks/1/1"):
        with pytest.raises(koji.GenericError):
            await stage.call(stage.bot.fastUpload, str(file), where)
    await stage.call(stage.bot.fastUpload, str(file), "cli-build/7")
    other = await stage.logged_in("octocat", "other")
    with pytest.raises(koji.GenericError, match="not owner"):
        await stage.call(other.fastUpload, str(file), "cli-build/7", overwrite=True)
    with pytest.raises(koji.GenericError, match="upload path exists"):
        await stage.call(stage.bot.fastUpload, str(file), "cli-build/7")


async def test_what_is_no_package_fails_the_task(stage: Stage) -> None:
    file = stage.directory / "foo.src.rpm"
    file.write_bytes(b"not a package")
    await stage.call(stage.bot.fastUpload, str(file), "cli-build/7")
    garbage = await stage.built("cli-build/7/foo.src.rpm", scratch=True)
    missing = await stage.built("cli-build/7/bar.src.rpm", scratch=True)

    assert stage.hub.world.tasks[garbage].state == koji.TASK_STATES["FAILED"]
    assert "SRPM file missing" in stage.hub.world.tasks[missing].result.faultString


# Certificates.


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    (tmp_path / "certificates").mkdir()
    return Certificates(tmp_path / "certificates")


@pytest.fixture
async def guarded(tmp_path: Path, certificates: Certificates) -> AsyncIterator[Stage]:
    made = Stage(tmp_path / "hub", certificates=certificates)
    await made.hub.start()
    yield made
    await made.close()


async def test_a_certificate_logs_its_user_in(guarded: Stage, certificates: Certificates) -> None:
    session = guarded.session()
    await guarded.call(session.ssl_login, str(certificates.user("bot")), serverca=str(certificates.authority))

    me = await guarded.call(session.getLoggedInUser)
    assert (me["name"], me["authtype"]) == ("bot", koji.AUTHTYPES["SSL"])
    guarded.hub.expire_sessions()
    assert (await guarded.call(session.getLoggedInUser))["name"] == "bot"


async def test_a_certificate_of_nobody_known_or_of_the_past_is_refused(
    guarded: Stage, certificates: Certificates, tmp_path: Path
) -> None:
    authority = str(certificates.authority)
    with pytest.raises(koji.AuthError, match="Unknown user: hubot"):
        await guarded.call(guarded.session().ssl_login, str(certificates.user("hubot")), serverca=authority)
    (tmp_path / "strange").mkdir()
    strange = Certificates(tmp_path / "strange").user("bot")
    for wrong in (certificates.user("bot", expired=True), strange):
        session = guarded.session(max_retries=0)
        with pytest.raises(koji.AuthError, match="unable to obtain a session"):
            await guarded.call(session.ssl_login, str(wrong), serverca=authority)


async def test_a_hub_that_nobody_vouches_for_is_not_told_who_we_are(guarded: Stage, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Certificates(tmp_path / "other")

    with pytest.raises(koji.AuthError, match="CERTIFICATE_VERIFY_FAILED"):
        await guarded.call(guarded.session().ssl_login, str(other.user("bot")), serverca=str(other.authority))
    assert guarded.hub.calls == {}
