import QtQuick

// A status said three times over: by an icon, by words, by colour.
Rectangle {
    id: pill

    property string icon: ""
    property string text: ""
    property string tone: "accent"

    implicitWidth: row.width + 36 * Theme.u
    implicitHeight: row.height + 18 * Theme.u
    radius: height / 2
    color: Theme.tone(tone, true)

    Row {
        id: row
        anchors.centerIn: parent
        spacing: 10 * Theme.u
        Icon {
            anchors.verticalCenter: parent.verticalCenter
            name: pill.icon
            size: 28 * Theme.u
            weight: 2.4
            color: Theme.tone(pill.tone, false)
        }
        Words {
            anchors.verticalCenter: parent.verticalCenter
            text: pill.text
            size: Theme.body
            strong: true
            wrapMode: Text.NoWrap
            color: Theme.tone(pill.tone, false)
        }
    }
}
