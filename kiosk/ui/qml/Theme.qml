pragma Singleton
import QtQuick
import Rollcall.Fitting 1.0

// Colours, type scale and spacing. Every length is in `u`: one pixel of the 800x480 design.
QtObject {
    property bool dark: false
    property bool animated: true
    property bool portrait: false
    property bool mirrored: false
    property real u: 1
    readonly property TextFitter fitter: TextFitter {}

    readonly property color background: dark ? "#0d1513" : "#f4f6f3"
    readonly property color surface: dark ? "#182421" : "#ffffff"
    readonly property color raised: dark ? "#22312d" : "#ffffff"
    readonly property color outline: dark ? "#31433e" : "#d9e0dc"
    readonly property color ink: dark ? "#f2f7f5" : "#10211d"
    readonly property color muted: dark ? "#a9bbb5" : "#4d5f59"
    readonly property color accent: dark ? "#4fd6b0" : "#08735c"
    readonly property color accentInk: dark ? "#06231b" : "#ffffff"
    readonly property color accentSoft: dark ? "#12362d" : "#dcefe8"
    readonly property color late: dark ? "#f5bd6a" : "#854600"
    readonly property color lateSoft: dark ? "#3b2a12" : "#fbecd5"
    readonly property color calm: dark ? "#a9c3ee" : "#2a4a80"
    readonly property color calmSoft: dark ? "#1b2942" : "#e4ebf7"
    readonly property color alarm: dark ? "#ff9d90" : "#9c2a1d"
    readonly property color alarmSoft: dark ? "#41201c" : "#fae3df"

    // Type scale, in design pixels: display is read from 1.5 m, detail from the arm's length.
    readonly property int display: 56
    readonly property int title: 40
    readonly property int body: 26
    readonly property int detail: 20
    readonly property int small: 16

    readonly property real gap: Math.round(12 * u)
    readonly property real margin: Math.round(24 * u)
    readonly property real radius: Math.round(28 * u)
    readonly property int fadeMs: animated ? 220 : 0
    readonly property int alignment: portrait ? Text.AlignHCenter : Text.AlignLeft

    // Where a thing of this width starts in a line of text: middle in portrait, else its beginning.
    function startX(available, width) {
        return portrait ? (available - width) / 2 : mirrored ? available - width : 0
    }

    function tone(name, soft) {
        switch (name) {
        case "late": return soft ? lateSoft : late
        case "calm": return soft ? calmSoft : calm
        case "alarm": return soft ? alarmSoft : alarm
        default: return soft ? accentSoft : accent
        }
    }
}
