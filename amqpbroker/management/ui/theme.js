// Before anything is painted: what was chosen on this machine, if anything was.
{
  const chosen = localStorage.getItem("theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
}
