import QtQuick

// A status said three times over: by an icon, by words, by colour.
Rectangle {
    id: pill

    property string icon: ""
    property string text: ""
    property string tone: "accent"
    property real maximumWidth: 10000
    readonly property real padding: 18 * Theme.u

    implicitWidth: row.width + 2 * padding
    implicitHeight: row.height + 18 * Theme.u
    radius: height / 2
    color: Theme.tone(tone, true)

    Row {
        id: row
        anchors.centerIn: parent
        spacing: 10 * Theme.u
        Icon {
            id: sign
            anchors.verticalCenter: parent.verticalCenter
            name: pill.icon
            size: 28 * Theme.u
            weight: 2.4
            color: Theme.tone(pill.tone, false)
        }
        Words {
            anchors.verticalCenter: parent.verticalCenter
            width: Math.min(advance, pill.maximumWidth - 2 * pill.padding - sign.width - row.spacing)
            text: pill.text
            size: Theme.body
            strong: true
            fitted: true
            color: Theme.tone(pill.tone, false)
        }
    }
}
