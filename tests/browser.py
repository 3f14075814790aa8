"""A real browser for tests: Debian's Chromium without a window, driven by Selenium; no browser build is downloaded."""
from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator

import pytest

QUIET = ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-quic")

CONTROLS = "button, input, select, textarea, summary, a[href], [role=slider], [contenteditable=true]"


def needs_browser() -> None:
    """Skips the test where no browser is, with the reason; fails it where `CI=true`."""
    if shutil.which("chromium") and shutil.which("chromedriver"):
        return
    reason = "needs Debian's packages chromium and chromium-driver"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@contextlib.contextmanager
def open_browser(profile, width: int = 1366, height: int = 900) -> Iterator:
    """A window of `width` by `height` pixels. profile: an empty folder."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for argument in (*QUIET, f"--window-size={width},{height}", f"--user-data-dir={profile}"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                               {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600})
        yield driver
    finally:
        driver.quit()


def unnamed_controls(driver, area: str) -> list[str]:
    """Visible controls in an area of the page that have no name for a screen reader. Not for a frame, where Chromium's driver
    computes none. Raises AssertionError where there is no control at all."""
    shown = [control for control in driver.find_elements("css selector", f"{area} :is({CONTROLS})") if control.is_displayed()]
    assert shown
    return [control.get_attribute("outerHTML") for control in shown if not control.accessible_name]
