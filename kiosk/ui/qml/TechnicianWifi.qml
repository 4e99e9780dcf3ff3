import QtQuick

// Wi-Fi for technicians: the networks in reach, or a keyboard for the password of one.
Rectangle {
    id: screen

    property var wifi
    readonly property var view: wifi.view
    readonly property bool typing: view.page === "password"
    readonly property real spacing: 6 * Theme.u

    color: Theme.background

    Column {
        id: top
        anchors.left: parent.left
        anchors.right: parent.right
        spacing: 4 * Theme.u
        Words {
            objectName: "wifiTitle"
            width: parent.width
            text: screen.view.title
            size: Theme.body
            strong: true
        }
        Words {
            objectName: "wifiMessage"
            width: parent.width
            text: screen.view.message
            size: Theme.small
            strong: true
            color: screen.view.is_bad ? Theme.alarm : Theme.muted
        }
        Rectangle {
            visible: screen.typing
            width: parent.width
            height: 44 * Theme.u
            radius: 10 * Theme.u
            color: Theme.surface
            border.width: Math.max(1, Math.round(1.5 * Theme.u))
            border.color: Theme.accent
            Text {
                objectName: "wifiTyped"
                anchors.fill: parent
                anchors.leftMargin: 12 * Theme.u
                anchors.rightMargin: 12 * Theme.u
                LayoutMirroring.enabled: false
                horizontalAlignment: Text.AlignLeft
                verticalAlignment: Text.AlignVCenter
                elide: Text.ElideLeft
                textFormat: Text.PlainText
                font.pixelSize: 22 * Theme.u
                color: Theme.ink
                text: screen.view.typed
            }
        }
    }

    ListView {
        id: list
        objectName: "wifiList"
        visible: !screen.typing
        anchors.left: parent.left
        anchors.right: parent.right
        anchors.top: top.bottom
        anchors.topMargin: Theme.gap
        anchors.bottom: buttons.top
        anchors.bottomMargin: Theme.gap
        clip: true
        spacing: screen.spacing
        boundsBehavior: Flickable.StopAtBounds
        model: screen.view.items
        delegate: Rectangle {
            id: row
            required property var modelData
            objectName: "wifi-" + modelData.name
            width: list.width
            height: 56 * Theme.u
            radius: 10 * Theme.u
            color: area.pressed || modelData.is_current ? Theme.accentSoft : Theme.raised
            border.width: 1
            border.color: Theme.outline
            Words {
                anchors.left: parent.left
                anchors.leftMargin: 12 * Theme.u
                anchors.right: detail.left
                anchors.rightMargin: 8 * Theme.u
                anchors.verticalCenter: parent.verticalCenter
                height: Math.min(implicitHeight, parent.height)
                text: row.modelData.name
                size: 18
                strong: true
                fitted: true
            }
            Words {
                id: detail
                anchors.right: parent.right
                anchors.rightMargin: 12 * Theme.u
                anchors.verticalCenter: parent.verticalCenter
                wrapMode: Text.NoWrap
                text: row.modelData.detail
                size: Theme.small
                color: row.modelData.can_join || row.modelData.is_current ? Theme.ink : Theme.muted
            }
            MouseArea {
                id: area
                anchors.fill: parent
                enabled: row.modelData.can_join
                onClicked: screen.wifi.choose(row.modelData.name)
            }
        }
    }

    Column {
        id: keys
        readonly property real keyHeight: Math.min(72 * Theme.u, (height - 3 * spacing) / 4)
        readonly property real keyWidth: (width - 9 * spacing) / 10
        visible: screen.typing
        LayoutMirroring.enabled: false
        LayoutMirroring.childrenInherit: true
        anchors.left: parent.left
        anchors.right: parent.right
        anchors.top: top.bottom
        anchors.topMargin: Theme.gap
        anchors.bottom: buttons.top
        anchors.bottomMargin: Theme.gap
        spacing: screen.spacing

        Repeater {
            model: screen.view.rows
            delegate: Row {
                id: line
                required property string modelData
                anchors.horizontalCenter: parent.horizontalCenter
                spacing: keys.spacing
                Repeater {
                    model: line.modelData.split("")
                    delegate: Key {
                        required property string modelData
                        objectName: "key-" + modelData
                        width: keys.keyWidth
                        height: keys.keyHeight
                        text: modelData
                        size: 24
                        onTapped: screen.wifi.press(modelData)
                    }
                }
            }
        }
        Row {
            anchors.horizontalCenter: parent.horizontalCenter
            spacing: keys.spacing
            Repeater {
                model: screen.view.layers
                delegate: Key {
                    required property string modelData
                    objectName: "layer-" + modelData
                    width: keys.keyWidth * 1.3
                    height: keys.keyHeight
                    text: modelData
                    size: 18
                    enabled: modelData !== screen.view.layer
                    onTapped: screen.wifi.switch_layer(modelData)
                }
            }
            Key {
                objectName: "key-space"
                width: keys.keyWidth * 2.4
                height: keys.keyHeight
                text: screen.view.space
                size: 24
                onTapped: screen.wifi.press(" ")
            }
            Key {
                objectName: "key-erase"
                width: keys.keyWidth * 1.3
                height: keys.keyHeight
                icon: "backspace"
                enabled: screen.view.typed !== ""
                onTapped: screen.wifi.erase()
            }
        }
    }

    Row {
        id: buttons
        readonly property real each: (parent.width - (screen.typing ? 2 : 1) * spacing) / (screen.typing ? 3 : 2)
        anchors.left: parent.left
        anchors.bottom: parent.bottom
        spacing: Theme.gap
        TechnicianButton {
            objectName: "wifiBack"
            width: buttons.each
            text: screen.view.back
            onTapped: screen.wifi.back()
        }
        TechnicianButton {
            objectName: "wifiReveal"
            visible: screen.typing
            width: buttons.each
            text: screen.view.reveal
            onTapped: screen.wifi.reveal()
        }
        TechnicianButton {
            objectName: screen.typing ? "wifiJoin" : "wifiAgain"
            width: buttons.each
            text: screen.typing ? screen.view.join : screen.view.again
            enabled: screen.typing ? screen.view.can_join : !screen.view.is_busy
            onTapped: screen.typing ? screen.wifi.join() : screen.wifi.scan()
        }
    }
}
