import QtQuick

// One student of the roll-call: name on the left, what the disk holds on the right.
Rectangle {
    id: row

    property string name: ""
    property string mark: "none"
    property string status: ""
    property string note: ""
    property bool pending: false
    property bool whole: true // no part is outside the list: shapes are drawn there without a GPU
    signal tapped
    readonly property string tone: mark === "late" || asking ? "late" : "accent"
    readonly property bool asking: !marked && note !== ""
    readonly property bool marked: mark !== "none"

    radius: 14 * Theme.u
    color: marked ? Theme.tone(tone, true) : Theme.surface
    border.width: Math.max(1, Math.round((pending || area.pressed || asking ? 2.5 : 1.5) * Theme.u))
    border.color: pending || area.pressed ? Theme.accent : asking ? Theme.late : marked ? color : Theme.outline

    Words {
        anchors.left: parent.left
        anchors.right: state.left
        anchors.leftMargin: 14 * Theme.u
        anchors.rightMargin: 10 * Theme.u
        anchors.verticalCenter: parent.verticalCenter
        text: row.name
        size: 22
        strong: true
        smallest: 9
        maximumHeight: row.height - 4 * Theme.u
    }
    Row {
        id: state
        anchors.right: parent.right
        anchors.rightMargin: 14 * Theme.u
        anchors.verticalCenter: parent.verticalCenter
        spacing: 8 * Theme.u
        Words {
            anchors.verticalCenter: parent.verticalCenter
            visible: text !== "" && !row.pending
            text: row.marked ? row.status : row.note
            size: Theme.detail - 2
            strong: true
            wrapMode: Text.NoWrap
            color: Theme.tone(row.tone, false)
        }
        Icon {
            anchors.verticalCenter: parent.verticalCenter
            visible: row.whole
            name: row.pending ? "hourglass" : row.mark === "present" ? "check" : row.mark === "late" ? "clock" : row.asking ? "alert" : "ring"
            size: 28 * Theme.u
            weight: row.marked ? 2.6 : 1.8
            color: row.pending ? Theme.accent : row.marked || row.asking ? Theme.tone(row.tone, false) : Theme.muted
        }
    }
    MouseArea {
        id: area
        objectName: "area"
        anchors.fill: parent
        onClicked: row.tapped()
    }
}
