import QtQuick

// The small ways beside the camera, for people who check in without their face.
Item {
    id: bar

    property var view
    signal pinTapped
    signal teacherTapped

    implicitHeight: 52 * Theme.u

    Row {
        anchors.left: parent.left
        anchors.verticalCenter: parent.verticalCenter
        visible: bar.view.hint !== ""
        spacing: 8 * Theme.u
        Icon {
            id: sign
            anchors.verticalCenter: parent.verticalCenter
            name: bar.view.icon
            size: 26 * Theme.u
            color: Theme.muted
        }
        Words {
            anchors.verticalCenter: parent.verticalCenter
            width: bar.width - buttons.width - sign.width - 2 * Theme.gap
            text: bar.view.hint
            size: Theme.small
            color: Theme.muted
        }
    }
    Row {
        id: buttons
        anchors.right: parent.right
        anchors.verticalCenter: parent.verticalCenter
        spacing: 8 * Theme.u
        SmallButton {
            objectName: "pin"
            visible: text !== ""
            text: bar.view.pin
            onTapped: bar.pinTapped()
        }
        SmallButton {
            objectName: "teacher"
            visible: text !== ""
            text: bar.view.teacher
            onTapped: bar.teacherTapped()
        }
    }
}
