"""JupyterHub for one class on one server, without internet: one shared password, a folder and a server for each trainee.

    SOILCO2_CLASS=/srv/class SOILCO2_PASSWORD_FILE=/srv/class.password jupyterhub -f jupyterhub_config.py

SOILCO2_CLASS          folder of the class; each trainee's home is made in it
SOILCO2_PASSWORD_FILE  file with the class's password, eight characters at least, outside of the class's folder
SOILCO2_LANG, _LEVEL   zh or en, 1 to 3 (zh, 1)
SOILCO2_PORT           8000; all other ports are free ones of the kernel's choice
SOILCO2_AS_ROOT        1 to run as root all the same, such as in a container that holds nothing else

All trainees are the user who runs this and share its loopback: they can reach each other's folders and live pages.
The teacher's page (docs/howto/class.md) tells who can reach what, and how to part them.
"""

import asyncio
import os
import shutil
import socket
import sys
from pathlib import Path

c = get_config()  # noqa: F821 - JupyterHub gives it

here = Path(sys.executable).parent
folder = Path(os.environ["SOILCO2_CLASS"]).resolve()
lang, level = os.environ.get("SOILCO2_LANG", "zh"), os.environ.get("SOILCO2_LEVEL", "1")
work = f"soil-profile-{lang}-{level}"
folder.mkdir(parents=True, exist_ok=True)
turn = asyncio.Semaphore(
    os.cpu_count() or 1
)  # folders are made a few at a time, so that the hub goes on answering


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


async def begin(spawner):
    """The trainee's work folder, made once and completed each time; what is there is never written over."""
    home = folder / spawner.user.name
    home.mkdir(exist_ok=True)
    words = [
        "teach",
        "start",
        "soil-profile",
        "--lang",
        lang,
        "--level",
        level,
        "--name",
        spawner.user.name,
        "--no-open",
    ]
    async with turn:
        made = await asyncio.create_subprocess_exec(here / "soilco2", *words, cwd=home)
        failed = await made.wait()
    if failed:
        raise RuntimeError(
            f"{spawner.user.name}: soilco2 teach start did not make the work folder; the lines above say why"
        )


c.JupyterHub.bind_url = f"http://0.0.0.0:{os.environ.get('SOILCO2_PORT', '8000')}"
c.JupyterHub.hub_port = free_port()
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{free_port()}"
c.ConfigurableHTTPProxy.command = [str(here / "configurable-http-proxy")]
c.JupyterHub.db_url = f"sqlite:///{folder / 'hub.sqlite'}"
c.JupyterHub.cookie_secret_file = str(folder / "hub.secret")
c.ConfigurableHTTPProxy.pid_file = str(folder / "proxy.pid")
c.JupyterHub.concurrent_spawn_limit = 0  # a class comes all at once; nobody is sent away
c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = Path(os.environ["SOILCO2_PASSWORD_FILE"]).read_text().strip()
c.Authenticator.allow_all = True
c.Authenticator.username_pattern = r"[\w-]{1,40}"
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = str(folder / "{username}")
c.Spawner.cmd = [str(here / "jupyterhub-singleuser")]
c.Spawner.default_url = f"/lab/tree/{work}/01_read.ipynb"
c.Spawner.environment = {"PATH": f"{here}{os.pathsep}{os.environ.get('PATH', '')}"}
c.Spawner.pre_spawn_hook = begin
c.Spawner.start_timeout = c.Spawner.http_timeout = 900
if os.geteuid() == 0:
    if os.environ.get("SOILCO2_AS_ROOT") != "1":
        raise SystemExit(
            "every trainee would be root here; run the hub as a user of its own, such as: runuser -u class -- jupyterhub …"
        )
    c.Spawner.args = ["--allow-root"]
if shutil.which("configurable-http-proxy", path=str(here)) is None:
    raise SystemExit(
        "configurable-http-proxy is not here; the USB stick's install.sh brings it, and so does, in the folder of "
        "soilco2, pip install -c constraints.txt '.[hub]'"
    )
