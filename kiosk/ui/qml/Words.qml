import QtQuick

// A piece of text in one of the sizes of the type scale. With `maximumHeight` it shrinks so that all
// words stay whole within its width and that height; `fitted` is the same for a single line. Only
// at the smallest size is the end left out.
Text {
    id: words

    property int size: Theme.body
    property bool strong: false
    property bool fitted: false
    property real maximumHeight: -1
    property real smallest: Math.min(size, Theme.small)
    readonly property int largestPx: Math.round(size * Theme.u)
    readonly property int smallestPx: Math.round((fitted ? size * 0.35 : smallest) * Theme.u)
    readonly property real advance: Math.ceil(implicitWidth) + 1
    readonly property real ascent: Theme.fitter.ascent(text, strong)

    color: Theme.ink
    font.pixelSize: maximumHeight < 0 ? largestPx
        : Theme.fitter.size(text, strong, Qt.size(width, maximumHeight), largestPx, smallestPx)
    font.bold: strong
    wrapMode: fitted ? Text.NoWrap : Text.Wrap
    fontSizeMode: fitted ? Text.HorizontalFit : Text.FixedSize
    minimumPixelSize: smallestPx
    maximumLineCount: maximumHeight < 0 ? 1000 : Math.max(1, Math.floor(maximumHeight / lineHeight))
    elide: fitted || maximumHeight >= 0 ? Text.ElideRight : Text.ElideNone
    textFormat: Text.PlainText
    horizontalAlignment: Text.AlignLeft

    // Every script gets the same line: the baseline 1.02 em below its top, whatever the font says.
    lineHeightMode: Text.FixedHeight
    lineHeight: Math.round(font.pixelSize * 1.34)
    topPadding: Math.round(font.pixelSize * (1.02 - ascent))
    bottomPadding: -topPadding

    // Scripts in one text have different ascents, and a line without the highest would move up.
    readonly property bool mixed: wrapMode !== Text.NoWrap && Theme.fitter.mixes(text, strong)
    onMixedChanged: {
        if (mixed) lineLaidOut.connect(lower)
        else lineLaidOut.disconnect(lower)
        forceLayout()
    }
    function lower(line) {
        line.height = lineHeight
        line.y = line.number * lineHeight
            + Theme.fitter.drop(text, strong, width, font.pixelSize, line.number)
    }
}
