"""Builds a dashboard in Weights & Biases from its description, with the package wandb-workspaces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from music_affect.contracts.errors import ConfigurationError
from music_affect.training.loggers.connection import NO_KEY, obstacle


def save(specification: Mapping[str, Any]) -> str:
    """Makes the workspace as a new saved view.

    Args:
        specification: of ``dashboard.specification``.

    Returns:
        Its address.

    Raises:
        ConfigurationError: the package, a key or the network is missing, or W&B refuses.
    """
    made = build(specification)
    reason = obstacle()
    if reason is not None:
        fix = "run `wandb login`" if reason == NO_KEY else "try again with a network, or look with --dry-run"
        raise ConfigurationError(reason, expected="a key and a network", fix=fix)
    try:
        return str(made.save().url)
    except Exception as error:  # whatever the server or the client say: both change often
        raise ConfigurationError(
            f"W&B refused the dashboard ({' '.join(str(error).split())})",
            expected=f"an entity {specification['entity']} that may be written to",
            fix="correct --entity and --project, or see what would be made with --dry-run",
        ) from error


def build(specification: Mapping[str, Any]) -> Any:
    """The workspace as an object of wandb-workspaces; nothing is sent.

    Raises:
        ConfigurationError: the package is not installed.
    """
    try:
        import wandb_workspaces.workspaces as ws
    except ImportError as error:
        raise ConfigurationError(
            "wandb-workspaces is not installed",
            expected="the package that builds dashboards",
            fix="pip install 'music_affect[dashboards]', or look at the description with --dry-run",
        ) from error
    runs = specification["runs"]
    settings = ws.RunsetSettings(
        groupby=[ws.Config(name) for name in runs["group_by"]],
        order=[ws.Ordering(ws.Summary(runs["order_by"]), ascending=False)],
        pinned_columns=[f"summary:{name}" for name in runs["columns"]],
    )
    sections = [
        ws.Section(name=section["title"], panels=[_panel(panel) for panel in section["panels"]], is_open=True)
        for section in specification["sections"]
    ]
    named = {name: specification[name] for name in ("entity", "project", "name")}
    return ws.Workspace(**named, sections=sections, runset_settings=settings)


def _panel(panel: Mapping[str, Any]) -> Any:
    import wandb_workspaces.reports.v2 as wr

    kind, title = panel["kind"], panel.get("title")
    if kind == "text":
        return wr.MarkdownPanel(markdown=panel["text"])
    if kind == "bars":
        mean = {"groupby": wr.Config(panel["by"]), "groupby_aggfunc": "mean", "groupby_rangefunc": "stddev"}
        return wr.BarPlot(title=title, metrics=panel["metrics"], **mean)
    if kind == "lines":
        return wr.LinePlot(title=title, x=panel["x"], y=[panel["y"]])
    if kind == "scatter":
        return wr.ScatterPlot(title=title, x=wr.SummaryMetric(panel["x"]), y=wr.SummaryMetric(panel["y"]))
    return wr.MediaBrowser(title=title, media_keys=[panel["key"]])
