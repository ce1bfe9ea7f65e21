"""Words of the plans in both languages: keys of technical tables, roles, tests, flags, corrections, causes."""

from __future__ import annotations

from soilco2.station_config.connections.registry import kinds

Both = tuple[str, str]
"""English and Chinese."""

_BROKER: dict[str, Both] = {
    "host": ("broker", "消息代理"),
    "port": ("port", "端口"),
    "version": ("version of MQTT", "MQTT 版本"),
    "client_id": ("name of the session", "会话名"),
    "username": ("user", "用户名"),
    "password": ("password from", "口令来源"),
    "tls": ("encrypted", "加密"),
    "ca_file": ("certificates trusted", "信任的证书"),
    "inflight": ("messages taken and not yet stored, at most", "已取未存消息数上限"),
}

_PLATFORM: dict[str, Both] = {
    "id": ("platform", "平台"),
    "kind": ("sent by", "发送方式"),
    "fields": ("fields", "字段"),
    "names": ("names of variables", "变量名称"),
    "units": ("units", "单位"),
    "zone": ("zone of times", "时间的时区"),
    "time_format": ("how times are written", "时间写法"),
    "variables": ("variables sent", "发送的变量"),
    "positions": ("positions sent", "发送的点位"),
    "flags": ("flags sent with their value", "连同数值发送的质量标识"),
    "since": ("from when on", "起始时间"),
    "batch": ("readings at once, at most", "一次发送的读数上限"),
    "interval": ("time between sendings", "发送间隔"),
    "timeout": ("longest wait for an answer", "应答最长等待"),
    "tail": ("stretch sent again after an outage", "中断后重发的时段"),
}
_JSON: dict[str, Both] = {
    **_PLATFORM,
    "under": ("key of the readings", "读数所在的键"),
    "beside": ("sent beside the readings", "与读数一同发送"),
    "single": ("a reading a message", "每条消息一个读数"),
}

KEYS: dict[str, dict[str, Both]] = {
    "HttpPlatform": {
        **_JSON,
        "url": ("address", "地址"),
        "token": ("token from", "令牌来源"),
        "token_header": ("header of the token", "令牌的请求头"),
        "token_prefix": ("in front of the token", "令牌前缀"),
        "ca_file": ("certificates trusted", "信任的证书"),
        "ok_path": ("where the answer says whether it was taken", "应答中说明是否接收的位置"),
        "ok_value": ("what stands there when it was", "接收时的值"),
        "refused_values": ("what stands there when readings are refused", "拒收读数时的值"),
    },
    "MqttPlatform": {
        **_JSON,
        "broker": ("broker", "消息代理"),
        "topic": ("topic", "主题"),
    },
    "CsvPlatform": {
        **_PLATFORM,
        "folder": ("folder", "文件夹"),
        "sftp": ("account at a server", "服务器账户"),
        "remote_folder": ("folder there", "服务器上的文件夹"),
        "password": ("password from", "口令来源"),
        "key_file": ("file of the key", "密钥文件"),
        "known_hosts": ("keys of servers", "服务器公钥"),
        "name": ("name of a day's file", "每日文件名"),
    },
    **{kind.table.__name__: dict(kind.keys) for kind in kinds().values() if kind.table is not None},
    "MqttTable": _BROKER,
    "BrokerTable": {"id": ("name", "名称"), **_BROKER},
    "InfluxdbTable": {
        "id": ("database", "数据库"),
        "url": ("address", "地址"),
        "org": ("organisation", "组织"),
        "bucket": ("bucket", "存储桶"),
        "token": ("token from", "令牌来源"),
        "batch": ("lines in one request", "每次请求的行数"),
        "timeout": ("longest wait for an answer", "应答最长等待"),
        "ca_file": ("certificates trusted", "信任的证书"),
        "tail": ("stretch sent again after an outage", "中断后重发的时段"),
    },
    "JournalTable": {
        "path": ("file of the journal", "日志文件"),
        "limit_mib": ("room it may take [MiB]", "空间上限 [MiB]"),
        "at_limit": ("at the limit", "到达上限时"),
        "commit_every": ("longest wait before writing to disk", "写盘前最长等待"),
        "commit_rows": ("readings written at once, at most", "一次写入的读数上限"),
        "archive_folder": ("folder of the archives", "归档文件夹"),
        "keep": ("kept in the journal at least", "在日志中至少保留"),
    },
    "PageTable": {
        "host": ("the live page listens on", "实时页面监听地址"),
        "port": ("port", "端口"),
        "prefix": ("path in front", "路径前缀"),
        "password_file": ("password from", "口令来源"),
        "screens": ("folder of pictures", "组态画面文件夹"),
        "language": ("language", "语言"),
    },
    "FluxTable": {
        "method": ("efflux at the surface by", "地表通量算法"),
        "layers_m": ("limits of the layers [m]", "分层界限 [m]"),
        "diffusivity": ("diffusivity in soil", "土壤扩散模型"),
        "free_air": ("diffusivity in free air", "自由空气扩散系数"),
        "surface": ("CO₂ at the surface", "地表 CO₂ 取值"),
        "ambient_ppm": ("CO₂ of the air, if not measured [ppm]", "未实测时的大气 CO₂ [ppm]"),
        "ambient_sd_ppm": ("its standard deviation [ppm]", "其标准差 [ppm]"),
        "co2_probes": ("CO₂ readings are", "CO₂ 读数"),
        "wet_to_dry": ("converted to dry air", "换算为干空气"),
        "storage_term": ("storage term counted", "计入储存项"),
        "co2_noise_sd_ppm": ("noise of CO₂, sd [ppm]", "CO₂ 噪声标准差 [ppm]"),
        "co2_bias_sd_ppm": ("bias of CO₂, sd [ppm]", "CO₂ 偏差标准差 [ppm]"),
        "co2_bias_sd_fraction": ("bias of CO₂, sd, share of the value", "CO₂ 偏差标准差（占读数）"),
        "water_sd": ("water content, sd [m³/m³]", "体积含水率标准差 [m³/m³]"),
        "temperature_sd": ("temperature, sd [°C]", "温度标准差 [°C]"),
        "pressure_sd_hpa": ("pressure, sd [hPa]", "气压标准差 [hPa]"),
        "depth_sd_m": ("depth, sd [m]", "深度标准差 [m]"),
        "water_reach_m": ("water is carried over at most [m]", "含水率引用距离上限 [m]"),
        "temperature_reach_m": ("temperature is carried over at most [m]", "温度引用距离上限 [m]"),
        "water_sd_at_10cm": ("error of water carried over 10 cm [m³/m³]", "含水率引用 10 cm 的误差 [m³/m³]"),
        "temperature_sd_at_10cm": ("error of temperature carried over 10 cm [°C]", "温度引用 10 cm 的误差 [°C]"),
        "model_spread": ("disagreement of diffusivity models counted", "计入扩散模型间差异"),
        "ds_factor_max": ("largest factor between diffusivity models", "扩散模型间最大倍数"),
        "bottom_flux": ("flux from below", "下边界通量"),
        "smoothness": ("smoothness of the inversion", "反演平滑度"),
        "draws": ("draws for the interval", "区间的抽样次数"),
        "seed": ("seed", "随机种子"),
    },
    "QualityTable": {
        "ec_coefficient": ("temperature coefficient of conductivity a [1/K]", "表观电导率温度系数 a [1/K]"),
        "salinity_factor": ("salinity per conductivity [mg/L per µS/cm]", "盐分换算系数 [mg/L 每 µS/cm]"),
        "salinity_least_water": ("no salinity below soil water [m³/m³]", "不计算盐分的土壤含水率 [m³/m³]，低于"),
        "salinity_least_ec25": ("no salinity below EC at 25 °C [dS/m]", "不计算盐分的 25 ℃ 电导率 [dS/m]，低于"),
        "future_tolerance": ("stamp ahead of the clock believed up to", "可信的超前时间戳上限"),
    },
}  # fmt: skip
"""Labels of tables that a plan shows key by key, by model and field."""

ELSEWHERE = {"limits"}
"""Keys of such tables that have a table of their own."""

LEFT_OUT: dict[str, Both] = {
    **{
        f"{kind.table.__name__}.{key}": words
        for kind in kinds().values()
        if kind.table is not None
        for key, words in kind.left_out.items()
    },
    "MqttTable.client_id": ("`soilco2-<station>`", "`soilco2-<站点>`"),
    "MqttTable.username": ("none", "无"),
    "MqttTable.password": ("none", "无"),
    "BrokerTable.client_id": ("`soilco2-<station>-<broker>`", "`soilco2-<站点>-<消息代理>`"),
    "BrokerTable.username": ("none", "无"),
    "BrokerTable.password": ("none", "无"),
    "JournalTable.path": ("by the station's id in the user's state folder", "用户状态文件夹内，按站点 id"),
    "JournalTable.archive_folder": ("beside the journal", "日志旁"),
    "PageTable.password_file": ("none", "无"),
    "QualityTable.salinity_factor": ("as the catalogue says of the probe", "按型号库"),
    "FluxTable.layers_m": ("the CO₂ levels", "各 CO₂ 测点"),
}
"""What holds when such a key is left out; a dash where nothing does."""

ROLES: dict[str, Both] = {
    "owner": ("owner", "负责人"),
    "operator": ("operator", "运行人员"),
    "technician": ("technician", "技术员"),
    "data-manager": ("data manager", "数据管理员"),
    "analyst": ("analyst", "分析人员"),
    "reviewer": ("reviewer", "审核人"),
}
"""Roles of ``[[people]]``."""

DUTIES: dict[str, Both] = {
    "owner": ("approves the plan and its revisions", "批准计划及其修订"),
    "operator": ("keeps collector, broker and database running; answers alarms", "维持采集程序、消息代理和数据库运行；处理报警"),
    "technician": ("installs, visits, calibrates; writes each into the station file or the log", "安装、巡检、校准；逐项写入台站文件或记录"),
    "data-manager": ("parked data, flags by hand, archives, back-up", "搁置数据、人工质量标识、归档、备份"),
    "analyst": ("results with their uncertainty", "给出带不确定度的结果"),
    "reviewer": ("reviews completeness and quality against this document", "对照本文件审核完整性和数据质量"),
}  # fmt: skip
"""What each role does."""

FLAGS: dict[int, Both] = {
    1: ("good: every test passed", "良好：全部检验通过"),
    2: (
        "not evaluated: usable, but something the value needs is not known",
        "未评估：可用，但尚缺某项所需信息",
    ),
    3: ("suspect", "可疑"),
    4: ("bad; the number is kept", "错误；数字保留"),
    9: ("missing: there is no number", "缺测：没有数字"),
}
"""Quality flags (QARTOD)."""

TESTS: dict[str, Both] = {
    "withdrawn": ("only an import delivered it, and that was taken back", "仅由一次导入交付，而该导入已撤回"),
    "missing": ("the device gave no number", "设备未给出数字"),
    "sentinel": ("the raw number is one of the probe's error numbers, or no number at all", "原始数字是探头的错误代码，或根本不是数字"),
    "frozen": ("soil below 0 °C: conductivity at 25 °C means nothing in ice", "土壤低于 0 ℃：冰中的 25 ℃ 电导率没有意义"),
    "soil_too_dry": (
        "too little soil water (`salinity_least_water`): conductivity tells nothing of the salt",
        "土壤过干（`salinity_least_water`）：表观电导率不能反映盐分",
    ),
    "ec_too_small": ("conductivity at 25 °C too small (`salinity_least_ec25`)", "25 ℃ 电导率过小（`salinity_least_ec25`）"),
    "ec_without_temperature": ("no usable soil temperature at the position", "该位置没有可用的土壤温度"),
    "physical_range": ("value outside what is physically possible", "数值超出物理可能范围"),
    "instrument_range": ("reading outside the probe's measuring range", "读数超出探头量程"),
    "site_range": ("value outside the site's limits", "数值超出站点限值"),
    "conflict": ("numbers of one rank differ and nobody has decided", "同级数字不同，尚未决定"),
    "undecodable": ("too few registers were kept for the type the catalogue names now; the number decoded at the time stands", "保存的寄存器不足以按目录现有的数据类型解码；沿用当时解码的数字"),
    "zero_frame": ("nothing but zeros in an answer, where 0 °C does not fit the temperature before", "一次应答全为零，而 0 ℃ 与此前的温度不符"),
    "warm_up": ("too soon after power-on or a silence", "上电或静默之后时间太短"),
    "saturation": ("reading at the end of the scale", "读数达到满量程"),
    "flat_line": ("reading does not move for too long", "读数长时间不变"),
    "rate_of_change": ("faster than allowed against the reading before and the last one in line, or the second of a spike of two", "与前一读数、与最近一个正常读数相比变化均过快，或为两点尖峰的第二点"),
    "spike": ("one or two readings further than allowed from those before and after", "一两个读数偏离前后读数超过允许值"),
    "site_suspect": ("value outside the site's ordinary limits", "数值超出站点的通常范围"),
    "compensation_mismatch": ("the probe's own settings contradict what is said of its compensation", "探头自身的设定与所写明的补偿方式矛盾"),
    "co2_without_temperature": ("temperature of an uncompensated CO₂ probe is not known", "无补偿 CO₂ 探头缺少温度"),
    "suspect_companion": ("the pressure or temperature used is suspect", "所用气压或温度可疑"),
    "no_reference": ("first reading after a gap: whether it is a jump nobody can tell", "间断之后的第一个读数：是否突变无从判断"),
    "standard_pressure": ("no usable air pressure: the standard atmosphere stands in, error up to 3 %", "没有可用气压：以标准大气压代替，误差可达 3 %"),
    "compensation_unknown": ("nobody says whether the CO₂ probe compensates", "CO₂ 探头是否补偿未写明"),
    "ec_coefficient_unknown": ("nobody says whether the probe compensates conductivity", "探头是否对表观电导率作温度补偿未写明"),
    "calibration_overdue": ("calibration past its date; it goes on applying", "校准逾期；仍继续使用"),
    "manual": ("flag set by hand with name and reason", "人工设置的质量标识，注明何人何故"),
}  # fmt: skip
"""What each test fails on; the names are those of `soilco2.quality.checks.CHECKS` and ``manual``."""

CORRECTIONS: dict[str, Both] = {
    "pressure": ("CO₂ to the measured pressure: x · P₀ / P", "CO₂ 订正到实测气压：x · P₀ / P"),
    "standard_pressure": ("the same with the standard atmosphere of the altitude", "同上，以海拔对应的标准大气压代替"),
    "temperature": ("CO₂ to the measured temperature: x · (T + 273.15) / (T₀ + 273.15)", "CO₂ 订正到实测温度：x · (T + 273.15) / (T₀ + 273.15)"),
    "ec25": ("conductivity to 25 °C: σ / (1 + a (T − 25))", "表观电导率换算为 25 ℃ 电导率：σ / (1 + a (T − 25))"),
    "salinity": ("salinity: factor · conductivity at 25 °C", "盐分（由电导率换算）：系数 · 25 ℃ 电导率"),
    "calibration": ("gain · x + offset of the newest valid calibration", "最新有效校准的 增益 · x + 偏移"),
}  # fmt: skip
"""What each correction does; the names are those of `soilco2.quality.corrections.CORRECTIONS`."""

CAUSES: dict[str, Both] = {
    "collector down": ("collector down", "采集程序未运行"),
    "journal full": ("journal full", "日志已满"),
    "clock": ("clock", "时钟"),
    "bus": ("bus", "总线"),
    "broker": ("broker", "消息代理"),
    "device silent": ("device silent", "设备无应答"),
    "rejected": ("rejected", "被拒收"),
    "unexplained": ("unexplained", "原因不明"),
    "no value": ("the probe gave no value", "探头未给出数值"),
}
"""Causes of `soilco2.storage.journal.completeness`."""

CHOICES: dict[str, Both] = {
    "stop": ("stop reading, loudly", "停止读取并报警"),
    "drop-oldest": ("the oldest give way, counted", "最旧者让位，并计数"),
    "N": ("none", "无"),
    "E": ("even", "偶"),
    "O": ("odd", "奇"),
    "auto": ("as the browser asks", "随浏览器"),
}
"""Words for values of technical keys."""

COMPENSATED: dict[str | None, Both] = {
    "device": ("by the probe", "由探头"),
    "none": ("here, from the measured value", "在此用实测值订正"),
    None: ("not stated; nothing is corrected", "未写明；不作订正"),
}
"""Who compensates a CO2 reading."""
