import QtQuick

// How far a list is scrolled; nothing where all of it is on screen.
Rectangle {
    id: bar

    property Flickable list
    readonly property bool needed: list.visibleArea.heightRatio < 1

    width: 8 * Theme.u
    radius: width / 2
    color: needed ? Theme.outline : "transparent"
    Rectangle {
        visible: bar.needed
        width: parent.width
        y: parent.height * bar.list.visibleArea.yPosition
        height: parent.height * bar.list.visibleArea.heightRatio
        radius: width / 2
        color: Theme.muted
    }
}
