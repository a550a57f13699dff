"""backupset, backupmediafamily, backupfile and restorehistory of msdb."""

from __future__ import annotations

from lab.sql.engine.session import Session
from lab.world import Document


def next_number(session: Session, kind: str) -> int:
    counter = session.server.get("counter", kind) or {"last": 0}
    session.server.put("counter", kind, {"last": counter["last"] + 1})
    return int(counter["last"]) + 1


def record_backup(session: Session, backup: Document, header: Document, path: str, position: int) -> None:
    number = next_number(session, "backupset")
    media = next(
        (
            row["media_set_id"]
            for row in session.server.documents("backupmedia")
            if row["media_set"] == header["media_set"]
        ),
        None,
    )
    if media is None:
        media = next_number(session, "backupmedia")
        session.server.put("backupmedia", str(media), {"media_set_id": media, "media_set": header["media_set"],
                                                       "family": header["family"], "path": path})  # fmt: skip
    row = {key: value for key, value in backup.items() if key not in ("snapshot", "records", "files")}
    session.server.put(
        "backupset", f"{number:08d}", {**row, "backup_set_id": number, "media_set_id": media, "position": position}
    )


def record_restore(
    session: Session,
    database: str,
    backup: Document,
    header: Document,
    path: str,
    *,
    kind: str,
    recovery: bool,
    replace: bool,
) -> None:
    known = next(
        (r["backup_set_id"] for r in session.server.documents("backupset") if r["uuid"] == backup["uuid"]), None
    )
    if known is None:
        record_backup(session, backup, header, path, 1)
        known = next(r["backup_set_id"] for r in session.server.documents("backupset") if r["uuid"] == backup["uuid"])
    number = next_number(session, "restorehistory")
    session.server.put("restorehistory", f"{number:08d}", {
        "restore_history_id": number, "restore_date": session.instance.now().isoformat(),
        "destination_database_name": database, "user_name": session.principal.name, "backup_set_id": known,
        "restore_type": kind, "replace": replace, "recovery": recovery,
    })  # fmt: skip
