import QtQuick

// A sign and a sentence beside it, where a line of text starts.
Row {
    id: line

    property string icon: ""
    property string text: ""
    property string name: ""
    property int size: Theme.detail
    property bool strong: false
    property color color: Theme.muted
    property real maximumWidth: parent.width

    visible: text !== ""
    x: Theme.startX(parent.width, width)
    spacing: 8 * Theme.u

    TextMetrics { // a little less than what is drawn, where a text mixes scripts
        id: metrics
        font: words.font
        text: line.text
    }
    Icon {
        id: sign
        visible: line.icon !== ""
        name: line.icon
        size: 26 * Theme.u
        weight: line.strong ? 2.2 : 2
        color: line.color
    }
    Words {
        id: words
        objectName: line.name
        width: Math.min(Math.ceil(metrics.advanceWidth * 1.04) + 2, line.maximumWidth - (sign.visible ? sign.width + line.spacing : 0))
        text: line.text
        size: line.size
        strong: line.strong
        color: line.color
    }
}
