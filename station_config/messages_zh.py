"""What a fault or a piece of advice says, in Chinese.

The sentences are made in English where the fault is found. Here each stands with its translation; ``{}`` is what
differs from case to case. A sentence that is not known stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache

from soilco2.station_config.errors import Fault
from soilco2.station_config.parsing.faults import NOT_HERE

_NOT_HERE = (
    '密码等机密不得写入台站文件；请写明其来源，如 {{ env = "SOILCO2_TOKEN" }} 或 '
    '{{ file = "/etc/soilco2/token" }}，若文件已外传请立即更换'
)

SENTENCES: dict[str, str] = {
    # what is not installed
    "in the folder of soilco2 run pip install -c constraints.txt '.[{}]'":
        "在 soilco2 的文件夹里运行 pip install -c constraints.txt '.[{0}]'",
    # the file
    "this is a folder; the path of a file is expected": "这是文件夹；应给出文件路径",
    "this is not a regular file; a TOML file is expected": "这不是普通文件；应为 TOML 文件",
    "the file has {} MB; a station file has at most {} MB": "文件为 {0} MB；台站文件最大 {1} MB",
    "there is no such file": "没有这个文件",
    "the file cannot be read: {}": "文件无法读取：{0}",
    "the text is not UTF-8; save the file as UTF-8": "文本不是 UTF-8 编码；请以 UTF-8 保存",
    "this is not valid TOML{}: {}": "TOML 语法有误{0}：{1}",
    " at column {}": "（第 {0} 列）",
    "the values are nested too deeply; a station file needs no such depth": "嵌套过深；台站文件不需要这样的层次",
    "a configuration kept in the journal cannot be read by this version of soilco2: {}":
        "日志库中保存的配置无法被本版本 soilco2 读取：{0}",
    # what the models say
    "unknown key; {}": "未知的键；{0}",
    "did you mean '{}'?": "是否为“{0}”？",
    "known are {}": "可用的有 {0}",
    "none is defined": "尚未定义任何一个",
    "the key kind says what it is: {}": "应由键 kind 说明类型：{0}",
    "double brackets are expected: [[{}]]": "应使用双方括号：[[{0}]]",
    "this key is required": "此键必填",
    "text in quotes is expected": "应为带引号的文本",
    "a number is expected, without quotes": "应为不带引号的数值",
    "a whole number is expected, without quotes": "应为不带引号的整数",
    "a whole number is expected": "应为整数",
    "a finite number is expected": "应为有限数值",
    "true or false is expected, without quotes": "应为不带引号的 true 或 false",
    "a list is expected": "应为列表",
    "a table is expected, such as {{ … }}": "应为表，如 {{ … }}",
    "a path in quotes is expected": "应为带引号的路径",
    "expected {}": "应为 {0}",
    "a number of at least {} is expected": "应为不小于 {0} 的数",
    "a number above {} is expected": "应为大于 {0} 的数",
    "a number of at most {} is expected": "应为不大于 {0} 的数",
    "a number below {} is expected": "应为小于 {0} 的数",
    "text that is not empty is expected": "文本不得为空",
    "text of at most {} characters is expected": "文本最多 {0} 个字符",
    "a list that is not empty is expected": "列表不得为空",
    "a list of at most {} is expected": "列表最多 {0} 项",
    "the name of a file beside this one is expected": "应为与本文件同一文件夹中的文件名",
    "a series is expected, such as p1/d10/co2": "应为序列，如 p1/d10/co2",
    "text of the form {} is expected": "应为形如 {0} 的文本",
    "a name of letters, digits, dots, dashes and underscores is expected, beginning with a letter or digit, 64 at most":
        "应为由字母、数字、点、短横线和下划线组成的名称，以字母或数字开头，最多 64 个字符",
    "an address is expected, such as http://127.0.0.1:8086": "应为网址，如 http://127.0.0.1:8086",
    "one letter is expected": "应为一个字母",
    "the name of an environment variable is expected, such as SOILCO2_TOKEN, never the secret itself":
        "应为环境变量名，如 SOILCO2_TOKEN，而不是机密本身",
    "a host name or an address is expected, without port, user or password":
        "应为主机名或地址，不含端口、用户名和密码",
    NOT_HERE.replace("{", "{{").replace("}", "}}"): _NOT_HERE,
    "{} " + NOT_HERE.replace("{", "{{").replace("}", "}}"): "{0} " + _NOT_HERE,
    "an address without user and password is expected; {}": "网址中不得含用户名和密码；{0}",
    "a duration with its unit is expected, such as '60s', '30min', '1h' or '14d'":
        "应为带单位的时长，如 '60s'、'30min'、'1h' 或 '14d'",
    "a time between the years 1900 and 2200 is expected": "时间应在 1900 年至 2200 年之间",
    "a date or a time with its zone is expected, without quotes, such as 2026-03-01 or 2026-03-01T00:00:00+08:00":
        "应为不带引号的日期，或带时区的时间，如 2026-03-01 或 2026-03-01T00:00:00+08:00",
    "a path is expected; leave the key out where none is meant": "应为路径；不需要时请删去此键",
    "exactly one of env and file is expected, such as {{ env = \"SOILCO2_TOKEN\" }}":
        "env 与 file 应有且只有一个，如 {{ env = \"SOILCO2_TOKEN\" }}",
    "the environment variable {} is not set; put the secret there": "环境变量 {0} 未设置；请把机密放在其中",
    "the secret's file {} cannot be read: {}": "机密文件 {0} 无法读取：{1}",
    "the secret's file {} is empty; its first line is the secret": "机密文件 {0} 为空；其第一行应为机密",
    "layers_m = {} must be depths in m that increase from 0 downward": "layers_m = {0} 应为自 0 向下递增的深度（m）",
    "bottom_m = {} must lie below top_m = {}": "bottom_m = {0} 应在 top_m = {1} 之下",
    "exactly one of porosity and bulk_density_g_cm3 is expected": "porosity 与 bulk_density_g_cm3 应有且只有一个",
    "bulk_density_g_cm3 must be less than particle_density_g_cm3": "bulk_density_g_cm3 应小于 particle_density_g_cm3",
    "horizons {}-{} m and {}-{} m overlap; each depth belongs to one horizon":
        "土层 {0}–{1} m 与 {2}–{3} m 重叠；每个深度只属于一层",
    "a time zone of the IANA list is expected, such as 'Asia/Shanghai'": "应为 IANA 时区名，如 'Asia/Shanghai'",
    "{} does not fit into {}": "{0} 放不进 {1}",
    "{} does not fit into float32": "{0} 放不进 float32",
    "unit {} does not fit {}; expected one of {}": "单位 {0} 不适用于 {1}；应为 {2} 之一",
    "variable {} is unknown; known are {}": "没有变量 {0}；可用的有 {1}",
    # the catalogue
    "a Modbus model needs [[block]] tables: the registers to read": "Modbus 型号需要 [[block]] 表：要读的寄存器",
    "the id of a [[setting]] is expected; {}": "应为某个 [[setting]] 的 id；{0}",
    "this id is used twice under [[{}]]": "此 id 在 [[{0}]] 中出现两次",
    "a scale other than 0 is expected": "比例系数不得为 0",
    "a register needs its type: one of {}": "寄存器需要类型：{0} 之一",
    "no such channel; {}": "没有这个通道；{0}",
    "the block it is read from is expected; {}": "应写明从哪个 block 读取；{0}",
    "block {} has {} registers; {} from this offset do not fit in it":
        "block {0} 有 {1} 个寄存器；自此偏移起的 {2} 个放不下",
    "another file of this folder has this id": "此文件夹中另一文件已有这个 id",
    "this catalogue folder does not exist": "没有这个型号文件夹",
    # places
    "this name is kept for variables without depth; choose another": "此名称留给无深度的变量；请另选",
    "position {} (line {}) has this depth as well; give both a letter of their own, such as replicate = \"A\" and "
    "replicate = \"B\"":
        "点位 {0}（第 {1} 行）深度相同；请给两者各加一个字母，如 replicate = \"A\" 和 replicate = \"B\"",
    "no such position; {}": "没有这个点位；{0}",
    "no channel of {} belongs here; {} belong {}": "{0} 没有属于此处的通道；{1} 应装在{2}",
    "at a position with a depth": "有深度的点位",
    "at \"{}\"": "“{0}”",
    "{} has no such channel; {}": "{0} 没有这个通道；{1}",
    "{} does not list this channel under channels; {}": "{0} 的 channels 中没有这个通道；{1}",
    "{} needs a position with a depth, such as 'p1/d10'": "{0} 需要有深度的点位，如 'p1/d10'",
    "{} has no depth; write position = \"{}\"": "{0} 没有深度；请写 position = \"{1}\"",
    "a time after its beginning, {}, is expected": "应晚于其起始时间 {0}",
    "channel {} of {} is {} at this time already (line {}); end that installation with until, or name the channel each "
    "one places": "{1} 的通道 {0} 此时已在 {2}（第 {3} 行）；请用 until 结束那次安装，或为每次安装写明通道",
    "{}.{} gives the series {} at this time already (line {}); end that installation with until, use another position, "
    "or name the channel each one places":
        "{0}.{1} 此时已给出序列 {2}（第 {3} 行）；请用 until 结束那次安装、改用别的点位，或为每次安装写明通道",
    "{} has another calibration from this moment (line {}); keep one of them":
        "{0} 自同一时刻已有另一校准（第 {1} 行）；请只保留一个",
    "no such variable; {}": "没有这个变量；{0}",
    "a number above {} = {} is expected": "应大于 {0} = {1}",
    "limits of {} stand at line {} already; join them": "{0} 的限值已在第 {1} 行；请合并",
    "no such profile; {}": "没有这个剖面；{0}",
    # kinds of connection that other packages bring
    "the kind of connection {} ({}) cannot be used: {}; update or remove the package that brings it":
        "连接类型 {0}（{1}）不能使用：{2}；请更新或卸载提供它的软件包",
    "a Kind of this name is expected there": "该处应为同名的 Kind",
    "{} has this name too": "{0} 也用此名",
    "soilco2 has a kind of this name": "soilco2 自有同名的连接类型",
    "it does not say its {}": "未说明其 {0}",
    "the key kind of its table is not Literal[\"{}\"]": "其表的键 kind 不是 Literal[\"{0}\"]",
    "another kind speaks {}": "另有连接类型使用 {0}",
    # wiring
    "this {} is used already at line {}; each needs one of its own": "此 {0} 已在第 {1} 行使用；每个应各有其一",
    "serial number": "序列号",
    "an mqtt connection needs the broker's table: add [mqtt] with host and port":
        "mqtt 连接需要消息服务器的表：请加 [mqtt]，写明 host 和 port",
    "no such model in the catalogue; {}": "型号库中没有这个型号；{0}",
    "no such connection; {}": "没有这个连接；{0}",
    "{} speaks {} and needs a connection of kind \"{}\"; {} is of kind \"{}\"":
        "{0} 使用 {1}，需要 kind 为“{2}”的连接；{3} 的 kind 为“{4}”",
    "only Modbus instruments have an address; take the key out": "只有 Modbus 仪器有地址；请删去此键",
    "a Modbus instrument needs its address, such as address = 11": "Modbus 仪器需要地址，如 address = 11",
    "a Modbus address from 1 to 247 is expected; 0 is for all, 248 to 255 are reserved":
        "Modbus 地址应为 1 至 247；0 为广播，248 至 255 保留",
    "{} has no such setting; {}": "{0} 没有这个设置；{1}",
    "compensation is for CO₂ probes; {} gives no CO₂": "compensation 用于 CO₂ 探头；{0} 不测 CO₂",
    "{} has this address on {} already (line {}); two probes at one address answer together: set another address, or "
    "end the installations of the one that was replaced":
        "{0} 在 {1} 上已用此地址（第 {2} 行）；同一地址的两支探头会同时应答：请改地址，或结束被更换探头的安装",
    "{} cannot talk at the {} baud of {}, only at {}; {}": "{0} 不支持 {2} 的 {1} 波特，只支持 {3}；{4}",
    "all probes of {} can be set to {}": "{0} 的所有探头可设为 {1}",
    "no speed suits all probes of {}: use one connection for each speed":
        "没有适合 {0} 全部探头的速率：请按速率分用连接",
    "{} request{} of {} s must fit in the interval of {} s; make the timeout shorter or the interval longer":
        "{0} 次请求、每次 {2} s 须在 {3} s 的间隔内完成；请缩短 timeout 或加长 interval",
    # this machine
    "there is no such port on this machine now": "本机现在没有这个串口",
    "the calibration was due on {}; it goes on applying": "校准应于 {0} 前更新；目前仍沿用",
    # advice
    "{} leaves the factory at {} and {} runs at {}: set the probe before it goes on the bus":
        "{0} 出厂为 {1}，而 {2} 为 {3}：接入总线前请先设置探头",
    "{} leaves the factory at {} and {} runs at {}; {}": "{0} 出厂为 {1}，而 {2} 为 {3}；{4}",
    "an extra stop bit does no harm": "多一个停止位无妨",
    "this usually works but is not guaranteed: set the probe, or stopbits of the connection":
        "通常可用但不能保证：请设置探头，或改连接的 stopbits",
    "{} is installed nowhere: it is read, but its readings belong to no series until it has "
    "[[instrument.installation]]":
        "{0} 未安装在任何点位：会读取，但在写明 [[instrument.installation]] 之前读数不属于任何序列",
    "{} may send any variable, so {} series are expected of it; list the channels it has, such as channels = [\"co2\", "
    "\"soil_temperature\"]":
        "{0} 可发送任何变量，因此预期有 {1} 个序列；请列出其通道，如 channels = [\"co2\", \"soil_temperature\"]",
    "{} of {} is read but installed nowhere: it gives no series": "{1} 的 {0} 会读取但未安装：不产生序列",
    "reading everything on {} takes {} of the time there is, so rounds will be missed: make the intervals longer, the "
    "line faster, or use two lines": "读完 {0} 上全部仪器需可用时间的 {1}，会漏测：请加长间隔、提高速率或分用两条总线",
    "the CO₂ of {}{} is not compensated for pressure and the station has no barometer: the standard atmosphere at {} "
    "m, {} hPa, stands in (factor {}), the values are flagged, and each {} hPa that the weather differs from it is an "
    "error of 1 %":
        "{0}{1} 的 CO₂ 未作气压补偿，而台站没有气压计：以 {2} m 处标准大气压 {3} hPa 代替（系数 {4}），数值带标记；"
        "实际气压每偏离 {5} hPa，误差为 1 %",
    "this bares position {}/{}, which was {} m deep: its probe is in the air":
        "这会使点位 {0}/{1}（原深 {2} m）露出：其探头在空气中",
    "{} is {} m deep: is it meant so? {} cm are written {}": "{0} 深 {1} m：是否有误？{2} cm 应写作 {3}",
    "the page is open to the network without a password: set password_file, or leave host out":
        "页面对网络开放且无密码：请设 password_file，或删去 host",
    "a password without username is not used": "没有用户名，密码不会使用",
    "the password crosses the network in the clear: set tls = true": "密码以明文经过网络：请设 tls = true",
    "the token crosses the network in the clear: use https://": "令牌以明文经过网络：请用 https://",
    # screens of the page
    "the folder of screens {} is not there; the screens of the station file are shown":
        "画面文件夹 {0} 不存在；显示台站文件的画面",
    "a screen is a file of at most {} KiB": "画面文件最大 {0} KiB",
    "a panel is named twice": "有面板重复",
    "the panel 'picture' and the table [picture] belong together": "面板 picture 与表 [picture] 须同时给出",
    "interpolate = true needs the panel 'column' or 'heat'": "interpolate = true 需要面板 column 或 heat",
    "{} is no variable": "{0} 不是变量",
    "profile {} is not in the station; there are {}": "台站没有剖面 {0}；现有 {1}",
    "the station has no series {}": "台站没有序列 {0}",
    "{} is neither PNG, JPEG nor SVG": "{0} 不是 PNG、JPEG 或 SVG",
    "{} is not beside the screen's file": "{0} 不在画面文件旁",
    "{} is larger than {} MiB": "{0} 大于 {1} MiB",
}  # fmt: skip
"""English sentences and their translation; in both ``{{`` and ``}}`` stand for brackets."""


def translator(*tables: Mapping[str, str]) -> Callable[[str], str]:
    """The function that says a sentence of these tables in Chinese; what is not known stays as it is.

    A sentence may follow a place: ``file:line: sentence``.
    """

    @cache
    def patterns() -> list[tuple[re.Pattern[str], str]]:
        """Those with the most words of their own first."""
        known = {english: chinese for table in tables for english, chinese in table.items()}
        ordered = sorted(known, key=lambda text: -len(text.replace("{}", "")))
        return [(_pattern(text), known[text]) for text in ordered]

    def say(sentence: str) -> str:
        for pattern, chinese in patterns():
            if found := pattern.fullmatch(sentence):
                return chinese.format(*map(say, found.groups()))
        place, mark, rest = sentence.partition(": ")
        return place + mark + say(rest) if rest else sentence

    return say


def _pattern(text: str) -> re.Pattern[str]:
    parts = [re.escape(part.replace("{{", "{").replace("}}", "}")) for part in text.split("{}")]
    return re.compile("(.*?)".join(parts), re.DOTALL)


in_chinese = translator(SENTENCES)
"""A sentence of a fault in Chinese; what is not known stays as it is."""


def translated(fault: Fault, lang: str) -> Fault:
    """A fault as it is told in a language."""
    return replace(fault, expected=fault.chinese or in_chinese(fault.expected)) if lang == "zh" else fault
