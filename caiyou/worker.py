"""``caiyou-worker``: runs rq jobs. It does not fork per job: a fork costs milliseconds, a notification does not."""

from __future__ import annotations

import sys

from rq import SimpleWorker
from rq.serializers import JSONSerializer

from caiyou import log, queues
from caiyou.errors import SettingsError
from caiyou.settings import current


def main() -> int:
    """Run until SIGTERM; 78 when the settings are wrong (EX_CONFIG, sysexits.h)."""
    log.setup()
    try:
        settings = current()
        settings.effective()
    except SettingsError as error:
        print(f"caiyou-worker: {error}", file=sys.stderr)
        return 78
    worker = SimpleWorker(
        list(queues.QUEUES), connection=queues.connect(settings, blocks=True), serializer=JSONSerializer
    )
    worker.work(logging_level="WARNING", with_scheduler=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
