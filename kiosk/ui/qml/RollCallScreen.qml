import QtQuick

// The roster of the lesson. Only whole rows are shown; the bar at the side says where in the list.
Item {
    id: screen

    property var roll
    property var entry
    readonly property var view: roll.view
    readonly property real rowHeight: 60 * Theme.u
    readonly property real gutter: 3 * Theme.u
    readonly property real barWidth: 10 * Theme.u

    Item {
        id: top
        readonly property real lineY: height - 60 * Theme.u // of the count and the button
        anchors.left: parent.left
        anchors.right: parent.right
        height: (Theme.portrait ? 98 : 60) * Theme.u

        Words {
            anchors.left: parent.left
            anchors.right: Theme.portrait ? parent.right : count.left
            anchors.rightMargin: Theme.portrait ? 0 : Theme.gap
            text: screen.view.title
            size: Theme.body
            strong: true
            smallest: 9
            maximumHeight: 36 * Theme.u
        }
        Words {
            anchors.left: parent.left
            anchors.right: count.left
            anchors.rightMargin: Theme.gap
            y: top.lineY + (Theme.portrait ? 4 : 36) * Theme.u
            text: screen.view.teacher
            size: Theme.small
            color: Theme.muted
            smallest: 9
            maximumHeight: (Theme.portrait ? 52 : 26) * Theme.u
        }
        Column {
            id: count
            anchors.right: done.left
            anchors.rightMargin: 16 * Theme.u
            y: top.lineY
            Words {
                objectName: "count"
                anchors.right: parent.right
                text: screen.view.count
                size: Theme.body
                strong: true
                wrapMode: Text.NoWrap
                color: Theme.accent
            }
            Words {
                anchors.right: parent.right
                text: screen.view.hours
                size: Theme.small
                wrapMode: Text.NoWrap
                color: Theme.muted
            }
        }
        ActionButton {
            id: done
            objectName: "done"
            anchors.right: parent.right
            anchors.bottom: parent.bottom
            height: 60 * Theme.u
            primary: true
            text: screen.view.done
            onTapped: screen.entry.close()
        }
    }
    Item {
        id: hint
        anchors.top: top.bottom
        anchors.topMargin: 4 * Theme.u
        width: parent.width
        height: Math.max(words.height, 28 * Theme.u)
        IconLine {
            id: words
            x: Theme.mirrored ? parent.width - width : 0
            anchors.verticalCenter: parent.verticalCenter
            name: "rollHint"
            icon: screen.view.failed ? "alert" : ""
            text: screen.view.hint
            size: screen.view.failed ? Theme.detail - 2 : Theme.small
            strong: screen.view.failed
            color: screen.view.failed ? Theme.alarm : Theme.muted
        }
    }
    Words {
        anchors.centerIn: parent
        width: parent.width
        visible: text !== ""
        horizontalAlignment: Text.AlignHCenter
        text: screen.view.empty
        size: Theme.body
        color: Theme.muted
    }
    GridView {
        id: rows
        objectName: "rows"
        readonly property int columns: Math.max(1, Math.floor(width / (330 * Theme.u)))
        anchors.left: parent.left
        anchors.leftMargin: -screen.gutter
        anchors.right: bar.left
        anchors.rightMargin: screen.gutter
        anchors.top: hint.bottom
        anchors.topMargin: 6 * Theme.u
        height: Math.floor((screen.height - y) / screen.rowHeight) * screen.rowHeight
        cellWidth: Math.floor(width / columns)
        cellHeight: screen.rowHeight
        cacheBuffer: 0
        clip: true
        boundsBehavior: Flickable.StopAtBounds
        snapMode: GridView.SnapToRow
        model: screen.roll.rows
        onMovementStarted: screen.entry.touch()
        delegate: Item {
            id: cell
            required property string person_id
            required property string name
            required property string mark
            required property string status
            required property string note
            required property bool pending
            readonly property real above: rows.contentY - y
            readonly property real below: y + height - rows.contentY - rows.height
            width: rows.cellWidth
            height: rows.cellHeight
            RollRow {
                objectName: "row-" + cell.person_id
                anchors.fill: parent
                anchors.leftMargin: screen.gutter
                anchors.rightMargin: screen.gutter
                anchors.bottomMargin: 2 * screen.gutter
                visible: Math.max(cell.above, cell.below) < cell.height - 1
                whole: Math.max(cell.above, cell.below) < 8 * Theme.u
                name: cell.name
                mark: cell.mark
                status: cell.status
                note: cell.note
                pending: cell.pending
                onTapped: screen.roll.tap(cell.person_id)
            }
        }
    }
    Rectangle {
        id: bar
        anchors.right: parent.right
        anchors.top: rows.top
        width: screen.barWidth
        height: rows.height - 2 * screen.gutter
        radius: width / 2
        color: rows.visibleArea.heightRatio < 1 ? Theme.outline : "transparent"
        Rectangle {
            objectName: "place"
            visible: rows.visibleArea.heightRatio < 1
            width: parent.width
            y: parent.height * rows.visibleArea.yPosition
            height: parent.height * rows.visibleArea.heightRatio
            radius: width / 2
            color: Theme.muted
        }
    }
}
