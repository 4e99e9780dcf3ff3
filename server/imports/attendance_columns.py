"""The columns of files of past attendance. What their rows do stands in `server.past_marks`."""

from server.imports.findings import Column
from server.imports.people_files import NUMBER_ALIASES
from server.imports.place_files import COURSE_CODE_ALIASES, ROOM_ALIASES

ATTENDANCE_COLUMNS = (
    Column("student_number", NUMBER_ALIASES, ("00124", "00124", "00124"), is_required=True),
    Column("course", COURSE_CODE_ALIASES, ("BIO-9", "BIO-9", "BIO-9"), is_required=True),
    Column(
        "date",
        (
            "date", "day", "lesson date", "datum", "tag", "jour", "date du cours", "fecha", "día",
            "التاريخ", "اليوم", "تاريخ الحصة",
        ),
        ("2026-09-02", "2026-09-03", "2026-09-04"),
        is_required=True,
    ),
    Column(
        "status",
        (
            "status", "attendance", "mark", "code", "anwesenheit", "fehlzeit", "statut",
            "présence", "estado", "asistencia", "الحالة", "الحضور",
        ),
        ("present", "late", "absent"),
        is_required=True,
    ),
    Column(
        "starts",
        (
            "starts", "start", "start time", "begins", "time", "beginn", "anfang", "uhrzeit",
            "début", "heure", "heure de début", "inicio", "hora", "hora de inicio",
            "وقت البدء", "البداية",
        ),
        ("08:00", "08:00", "08:00"),
    ),
    Column(
        "ends",
        (
            "ends", "end", "end time", "ende", "schluss", "fin", "heure de fin", "hora de fin",
            "final", "وقت الانتهاء", "النهاية",
        ),
        ("08:45", "08:45", ""),
    ),
    Column(
        "minutes",
        (
            "minutes", "length", "duration", "dauer", "minuten", "länge", "durée", "duración",
            "minutos", "الدقائق", "المدة",
        ),
        ("", "", "45"),
    ),
    Column("room", ROOM_ALIASES, ("R12", "R12", "R12")),
    Column(
        "minutes_late",
        (
            "minutes late", "late minutes", "minutes of lateness", "lateness in minutes",
            "lateness", "tardy minutes", "minutes tardy", "late by", "minuten verspätet",
            "verspätet minuten", "verspätungsminuten", "verspätung in minuten",
            "verspätung minuten", "minuten verspätung", "minuten zu spät", "verspätung",
            "minutes de retard", "retard en minutes", "retard minutes", "durée du retard",
            "retard", "minutos de retraso", "retraso en minutos", "minutos tarde",
            "minutos de atraso", "retraso", "دقائق التأخير", "دقائق التأخر",
            "التأخير بالدقائق", "مدة التأخير", "التأخير",
        ),
        ("", "12", ""),
    ),
    Column(
        "reason",
        (
            "reason", "grund", "begründung", "raison", "motif", "motivo", "razón", "السبب",
        ),
        ("", "", "Illness"),
    ),
    Column(
        "remark",
        (
            "remark", "remarks", "note", "comment", "bemerkung", "notiz", "anmerkung",
            "kommentar", "remarque", "commentaire", "observación", "comentario", "nota",
            "ملاحظة", "ملاحظات",
        ),
        ("", "Bus was late", ""),
    ),
)  # fmt: skip
