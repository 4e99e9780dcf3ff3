// Suggest the time zone of the person who sets up a new school: most are where the school is.
const zone = document.getElementById("timezone");
const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone && zone.value === "UTC" && own) {
  zone.value = own;
}
