document.querySelectorAll("table.sortable").forEach(table => {
  const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.addEventListener("click", () => {
    const falling = head.getAttribute("aria-sort") === "ascending";
    heads.forEach(other => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", falling ? "descending" : "ascending");
    const key = row => row.cells[column].textContent.trim().replace(/,/g, "");
    const sizes = {k: 1e3, M: 1e6, G: 1e9}, number = text => parseFloat(text) * (sizes[/^[\d.]+([kMG])$/.exec(text)?.[1]] ?? 1);
    const order = (one, other) => {
      const [a, b] = [key(one), key(other)], difference = number(a) - number(b);
      return Number.isNaN(difference) ? a.localeCompare(b) : difference;
    };
    [...body.rows].sort((one, other) => (falling ? -1 : 1) * order(one, other)).forEach(row => body.append(row));
  }));
});
