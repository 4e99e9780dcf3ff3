import QtQuick

// One way on an answer, in letters as large as the answer. A QR or card is shown, so that row has no border.
Rectangle {
    id: row

    property var way
    property int size: Theme.body
    signal tapped

    implicitHeight: (Theme.portrait ? 68 : 60) * Theme.u
    radius: 18 * Theme.u
    color: !way.is_button || area.pressed ? Theme.accentSoft : Theme.raised
    border.width: way.is_button ? Math.max(1, Math.round(2 * Theme.u)) : 0
    border.color: area.pressed ? Theme.accent : Theme.outline

    Icon {
        id: sign
        anchors.left: parent.left
        anchors.leftMargin: 16 * Theme.u
        anchors.verticalCenter: parent.verticalCenter
        name: row.way.icon
        size: 34 * Theme.u
        weight: name === "keypad" ? 3.4 : 2
        color: Theme.accent
    }
    Words {
        anchors.left: sign.right
        anchors.right: arrow.visible ? arrow.left : parent.right
        anchors.leftMargin: 14 * Theme.u
        anchors.rightMargin: 12 * Theme.u
        anchors.verticalCenter: parent.verticalCenter
        text: row.way.words
        size: row.size
        strong: true
        fitted: true
    }
    Icon {
        id: arrow
        visible: row.way.is_button
        anchors.right: parent.right
        anchors.rightMargin: 14 * Theme.u
        anchors.verticalCenter: parent.verticalCenter
        name: "arrow"
        size: 24 * Theme.u
        color: Theme.muted
    }
    MouseArea {
        id: area
        objectName: "area"
        anchors.fill: parent
        enabled: row.way.is_button
        onClicked: row.tapped()
    }
}
