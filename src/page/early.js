// Before anything is laid out: the script will draw the rows, so those that the server wrote need not
// be shown meanwhile. Where scripts do not run, they are.
document.documentElement.className = "scripted";
