// The chosen theme, before anything is painted; without a choice the system's holds.
"use strict";
try {
  const theme = localStorage.getItem("weir-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch { /* Storage may be forbidden: the system's theme holds. */ }
