"""What commands, journal and tables say, in Chinese;
`soilco2.station_config.messages_zh` has what a station file is told.

Each English sentence stands with its translation; ``{}`` is what differs from case to case. A sentence that is not
known stays as it is.
"""

from __future__ import annotations

from soilco2.station_config.messages_zh import SENTENCES, translator

COMMANDS: dict[str, str] = {
    # shared
    "{} is no time; expected such as 2026-03-01, 2026-03-01T08:00 (station's time) or 2026-03-01T00:00Z":
        "{0} 不是时间；应如 2026-03-01、2026-03-01T08:00（台站时间）或 2026-03-01T00:00Z",
    "--to {} is not after --from {}": "--to {0} 不晚于 --from {1}",
    "{} readings that came late wait for judgement; export again when 'soilco2 status' names none":
        "{0} 个迟到的读数等待判定；待 soilco2 status 不再列出时请重新导出",
    "Invalid value: {}": "取值无效：{0}",
    "Invalid value for {}: {}": "{0} 取值无效：{1}",
    "No such command '{}'. {}": "没有命令“{0}”。{1}",
    "Did you mean '{}'?": "是否为“{0}”？",
    "'{}' lists them.": "用 {0} 查看全部。",
    "stopped": "已停止",
    # demo
    "MQTT: {} on port {}": "MQTT：{0}，端口 {1}",
    "MQTT: no broker here (install mosquitto, or the extra 'demo'); plot 003 stays silent":
        "MQTT：本机没有消息服务器（请安装 mosquitto 或附加组件 demo）；样地 003 没有数据",
    "InfluxDB: {}, {}": "InfluxDB：{0}，{1}",
    "InfluxDB: none here; the journal alone keeps everything": "InfluxDB：本机没有；全部数据只存日志库",
    "influxd on this machine": "本机的 influxd",
    "given by the environment": "由环境变量给出",
    "the page: {}   (Ctrl-C stops the demo)": "页面：{0}   （按 Ctrl-C 停止演示）",
    "the part '{}' has ended by itself; {} says why": "部件“{0}”自行结束；原因见 {1}",
    "the month is over; the station stays up, 'soilco2 demo --fresh' begins again":
        "这个月已放完；台站继续运行，soilco2 demo --fresh 可重新开始",
    "a demo runs already at {}; stop it first": "演示已在 {0} 运行；请先停止它",
    "a demo runs already; stop it first": "已有演示在运行；请先停止它",
    "a demo runs already{}; stop it first": "已有演示在运行{0}；请先停止它",
    "samples: {}": "样本：{0}", "stored: {}": "入库：{0}", "duplicate: {}": "重复：{0}", "rejected: {}": "拒收：{0}",
    "forwarded: {}": "已发送：{0}", "seconds: {}": "用时（s）：{0}",
    # analyse
    "analyses need the extra 'analysis': {}": "分析需要附加组件 analysis：{0}",
    "the teaching case needs the extra 'notebooks': {}": "教学案例需要附加组件 notebooks：{0}",
    "the records need the extra 'analysis': {}": "这些记录需要附加组件 analysis：{0}",
    "the computed questions need {}: {}": "计算题需要 {0}：{1}",
    "the page needs the extra 'dashboard': {}": "页面需要附加组件 dashboard：{0}",
    "publishing needs the extra 'dashboard': {}": "发布需要附加组件 dashboard：{0}",
    "Grafana's files need the extra 'dashboard': {}": "生成 Grafana 的文件需要附加组件 dashboard：{0}",
    "Word documents need the extra 'documents' (html and md do not): {}":
        "Word 文档需要附加组件 documents（html 和 md 不需要）：{0}",
    "this drill is about nodes, which need a broker: install mosquitto, or {}":
        "这次演练用到节点，需要消息服务器：请安装 mosquitto，或{0}",
    "--workers and --scheduler are two places to run; give one": "--workers 与 --scheduler 是两种运行位置，只能给一个",
    "--scheduler needs the extra 'cluster': {}": "--scheduler 需要附加组件 cluster：{0}",
    "--scheduler {}: no Dask scheduler answers there ({})": "--scheduler {0}：那里没有 Dask 调度器应答（{1}）",
    "{}: there are no data in this window": "{0}：此时段没有数据",
    "a flux needs the soil: give --soil with horizons (TOML) or a pit table (CSV)":
        "计算通量需要土壤数据：请用 --soil 给出土层（TOML）或剖面表（CSV）",
    "{}; the next round tries again": "{0}；下一轮再试",
    "revision {}: {} fluxes computed, {} new or changed": "修订号 {0}：计算通量 {1} 个，新增或改变 {2} 个",
    "{}; made again": "{0}；将重新生成",
    "{} {}: {}; tried again later": "{0} {1}：{2}；稍后再试",
    "--every works beside a running station; {} is no station file": "--every 用于运行中的台站；{0} 不是台站文件",
    "--every goes on with time; leave --to out": "--every 随时间继续；请不要给 --to",
    "--every {}: {}": "--every {0}：{1}",
    "--every {}: an analysis of less than an hour more says nothing new; give 1h or longer":
        "--every {0}：不足一小时的新数据说明不了什么；请给 1h 或更长",
    # plan
    "{}: there is no machine part of soilco2 in it; expected a plan written by 'soilco2 plan' with its last annex in "
    "place":
        "{0}：没有 soilco2 的机读部分；应为 soilco2 plan 写出的计划，并保留末尾的附录",
    "{}: the machine part was changed by hand; write the plan again": "{0}：机读部分被人改动过；请重新编写计划",
    "{}: it is no Word document": "{0}：不是 Word 文档",
    "{}: a plan as .docx, .html or .md is expected": "{0}：应为 .docx、.html 或 .md 的计划",
    "{}: this is a {} plan, and {} was asked for": "{0}：这是 {1} 计划，而要核对的是 {2}",
    "{}: this is the plan of station {}, and {} is station {}": "{0}：这是台站 {1} 的计划，而 {2} 是台站 {3}",
    "{}: there are no values in the journal yet; --no-data writes the plan without them":
        "{0}：日志库里还没有数值；用 --no-data 可不带数据编写",
    "{}: nothing was expected and nothing came in this window; choose another with --from and --to":
        "{0}：此时段没有应有的数据，也没有收到；请用 --from 和 --to 另选",
    "{}: no instrument is installed anywhere, so there is nothing to plan; give each {} its {} first":
        "{0}：没有安装任何仪器，无从编写计划；请先给每个 {1} 写 {2}",
    # teach
    "{}: there is no CO₂ in these data (found: {}); the case needs co2 with depth_m":
        "{0}：数据里没有 CO₂（已有：{1}）；本案例需要带 depth_m 的 co2",
    "{}: the CO₂ in these data has no depth below the surface; depth_m is in metres, positive downward":
        "{0}：这些 CO₂ 没有地面以下的深度；depth_m 用米，向下为正",
    "{}: there is no such file; --data takes a station file (.toml) or a tidy table (.csv)":
        "{0}：没有这个文件；--data 取台站文件（.toml）或整洁表（.csv）",
    "{}: there is no such file; --soil takes horizons (.toml) or a pit table (.csv)":
        "{0}：没有这个文件；--soil 取土层（.toml）或剖面表（.csv）",
    "{}: own data are there already; move the file away first, nothing was changed":
        "{0}：已有自己的数据；请先移走该文件，未作任何改动",
    "{}: a soil is there already; move the file away first, nothing was changed":
        "{0}：已有土壤资料；请先移走该文件，未作任何改动",
    "{} is a work folder with {}; go on in it with the same, or name another --folder":
        "{0} 是另一项作业的文件夹（{1}）；请用相同的选项继续，或另给 --folder",
    "{} is there already and is no work folder; name another --folder, nothing was changed":
        "{0} 已经存在而且不是作业文件夹；请另给 --folder，未作任何改动",
    "there is no case {}; there are {}": "没有案例 {0}；现有 {1}",
    "{}: the settings of this work folder cannot be read; soilco2 teach start into a new folder and copy the notebooks "
    "and {} there, nothing in them is lost":
        "{0}：这个作业文件夹的设置读不了；用 soilco2 teach start 新建文件夹，把笔记本和 {1} 复制过去，内容都不会丢",
    # simulate
    "{}: {} probes at {}": "{0}：{1} 台仪器在 {2}",
    "{}: {} instruments publish on {}": "{0}：{1} 台仪器发布到 {2}",
    "no data in {}: the device says that it has no value": "{0} 中没有数据：仪器报告没有值",
    "{}: the station file has no connection, so there is nothing to simulate": "{0}：台站文件没有连接，没有可模拟的",
    # demo, collect
    "{} is no speed; expected such as 30min/1s, 1800 or max": "{0} 不是速度；应如 30min/1s、1800 或 max",
    # note, flag
    "TEXT is empty; a note says what happened": "TEXT 为空；记录须写明发生了什么",
    "{} is empty; a flag keeps who set it and why": "{0} 为空；标记须写明由谁、为何而设",
    # import
    "--timezone {}: no such zone; expected such as Asia/Shanghai, Europe/Berlin or Etc/GMT-8":
        "--timezone {0}：没有这个时区；应如 Asia/Shanghai、Europe/Berlin 或 Etc/GMT-8",
    "{}: import takes text; 'soilco2 export {} -o table.csv' makes a CSV file of it":
        "{0}：导入只接受文本；用 soilco2 export {1} -o table.csv 可转成 CSV 文件",
    "{}: {} rows = {} stored + {} duplicate + {} conflict + {} rejected (import {})":
        "{0}：{1} 行 = 入库 {2} + 重复 {3} + 冲突 {4} + 拒收 {5}（第 {6} 次导入）",
    "{}: of {} rows {} would be stored, {} are duplicates, {} are in conflict, {} would be rejected; nothing was "
    "stored (--dry-run)":
        "{0}：共 {1} 行，将入库 {2}，重复 {3}，冲突 {4}，将拒收 {5}；未写入任何内容（--dry-run）",
    "{}: {} more rows are in conflict": "{0}：另有 {1} 行有冲突",
    "{}: {} values were judged bad": "{0}：{1} 个值被判为坏值",
    "{}:{}: time runs back here, and at {} rows in all": "{0}:{1}：时间在此倒退，共 {2} 行",
    "FILES to import, or --list, or --undo NUMBER, or --redo NUMBER: one of these is expected":
        "应给出其一：要导入的文件、--list、--undo 编号、--redo 编号",
    "nothing was imported": "没有导入过",
    "import {} is not among the {} imports of the journal; 'soilco2 import STATION --list' shows them":
        "日志库的 {1} 次导入中没有第 {0} 次；用 soilco2 import 台站文件 --list 查看",
    "import {} is undone already; nothing was changed": "第 {0} 次导入已经撤回；未作任何改动",
    "import {} is not undone; nothing was changed": "第 {0} 次导入没有撤回；未作任何改动",
    "import {}: {} samples would be withdrawn, {} stay since another import delivers them too; nothing was changed "
    "(--dry-run)":
        "第 {0} 次导入：将撤回 {1} 个样本，{2} 个因另一次导入也交付而保留；未作任何改动（--dry-run）",
    "import {}: {} samples would count again; nothing was changed (--dry-run)":
        "第 {0} 次导入：将有 {1} 个样本重新计入；未作任何改动（--dry-run）",
    "import {} undone: {} samples withdrawn, {} stay since another import delivers them too; {} observations changed; "
    "give it again with --redo {}":
        "第 {0} 次导入已撤回：撤回 {1} 个样本，{2} 个因另一次导入也交付而保留；{3} 个观测值改变；用 --redo {4} 恢复",
    "import {} given again: {} samples count again; {} observations changed":
        "第 {0} 次导入已恢复：{1} 个样本重新计入；{2} 个观测值改变",
    "{}: {} more rows cannot be used": "{0}：另有 {1} 行不能使用",
    "{}: {} rows were parked by an earlier import; they count as duplicates":
        "{0}：{1} 行已在先前导入时搁置，计为重复",
    "they are kept: soilco2 parked list {}": "这些行已保留：soilco2 parked list {0}",
    # parked
    "nothing is parked": "没有搁置的内容",
    "entry {} came by {}, which is no connection of the station file any more":
        "条目 {0} 来自 {1}，台站文件中已没有这个连接",
    "there is no parked entry {}; 'soilco2 parked list --all' shows them":
        "没有第 {0} 号搁置项；用 soilco2 parked list --all 查看",
    "entry {} dropped": "第 {0} 号已放弃",
    "parked entry {} does not wait; 'soilco2 parked list' shows those that do":
        "第 {0} 号搁置项不在等待中；用 soilco2 parked list 查看等待中的",
    "entry {} will be sent to {} again": "第 {0} 号将再次发送到 {1}",
    "entry {} is a {}: both numbers are kept; 'soilco2 parked decide' says which holds":
        "第 {0} 号属于“{1}”：两个数字都已保留；用 soilco2 parked decide 决定取哪一个",
    "the NUMBER of an entry, or --import, --reason and --before for several: one of the two is expected":
        "应给出其一：条目的编号；或用 --import、--reason、--before 指定多条",
    "{} entries dropped": "已放弃 {0} 条",
    "--who is empty; a decision keeps who made it": "--who 为空；决定要记下由谁作出",
    "--take FIRST, SECOND or the number itself; or --take-back: one of the two is expected":
        "应给出其一：--take FIRST、SECOND 或数字本身；或 --take-back",
    "--take {}: entry {} holds {}; expected FIRST, SECOND or one of these ('soilco2 flag' says that none of them is "
    "right)":
        "--take {0}：第 {1} 号含有 {2}；应为 FIRST、SECOND 或其中之一（若都不对，用 soilco2 flag 加标记）",
    "entry {} is decided; {} observations changed": "第 {0} 号已决定；{1} 个观测值改变",
    "entry {} is open again; {} observations changed": "第 {0} 号重新待定；{1} 个观测值改变",
    "parked entry {} is no conflict between numbers; 'soilco2 parked list' shows what is":
        "第 {0} 号搁置项不是数字之间的冲突；用 soilco2 parked list 查看",
    "parked entry {} was not decided; there is nothing to take back": "第 {0} 号搁置项没有决定过，无可撤回",
    "{} at {}: {} ({}) and {} ({}); which one holds?": "{0} 于 {1}：{2}（{3}）与 {4}（{5}）；哪一个有效？",
    "{} at {}: {} differs from {} ({}), which has the better rank and stands":
        "{0} 于 {1}：{2} 与 {3}（{4}）不同，后者级别较高，有效",
    "{} at {}: {} differs from {} ({}), and both are kept until somebody decides ('soilco2 parked decide')":
        "{0} 于 {1}：{2} 与 {3}（{4}）不同，两者都保留，等待决定（soilco2 parked decide）",
    "entry {} has no time; it cannot be sent again": "第 {0} 号没有时间，无法再次发送",
    "entry {} is a line of the table {}: mend the table and import it again":
        "第 {0} 号是表 {1} 的一行：请改正表格后重新导入",
    "entry {} still cannot be used: {}": "第 {0} 号仍不能使用：{1}",
    "entry {}: {} stored, {} duplicate, {} conflicts": "第 {0} 号：入库 {1}，重复 {2}，冲突 {3}",
    "{} from {}, {} {}": "{0}，来自 {1}，{2} {3}",
    # flag, note
    "flag {} taken back; {} observations changed": "标记 {0} 已撤回；{1} 个观测值改变",
    "SERIES, --from and --to say what is flagged; or --revoke NUMBER takes a flag back":
        "请用 SERIES、--from 和 --to 说明标记什么；或用 --revoke 编号 撤回标记",
    "{} is no series; expected profile/position/variable, such as p1/d10/co2 or site//rain":
        "{0} 不是序列；应为 剖面/点位/变量，如 p1/d10/co2 或 site//rain",
    "flag {} set; take it back with --revoke {}": "标记 {0} 已设；可用 --revoke {1} 撤回",
    "note {} written": "记录 {0} 已写入",
    # verify
    "{} has no table [influxdb]: there is no database": "{0} 没有 [influxdb] 表：没有数据库",
    "--sink {}: there is no such database; there are {}": "--sink {0}：没有这个数据库；有 {1}",
    "journal up to commit {}, {} archives: {}": "日志库至第 {0} 次提交，归档 {1} 个：{2}",
    "all as they were written": "均与写入时一致",
    "{} faults": "{0} 处错误",
    "{}: {} in the journal, {} missing, {} different, {} only in the database":
        "{0}：日志库 {1}，缺失 {2}，不同 {3}，仅数据库有 {4}",
    "  missing {} … {}: {}": "  缺失 {0} … {1}：{2}",
    "  different {} … {}: {}": "  不同 {0} … {1}：{2}",
    "  extra {} … {}: {}": "  多出 {0} … {1}：{2}",
    "  and {} more gaps; --json lists them all": "  另有 {0} 处；--json 全部列出",
    "{}: {} series, {} values: {} missing, {} different, {} on the way":
        "{0}：{1} 个序列，{2} 个值：缺失 {3}，不同 {4}，发送中 {5}",
    "send them again: soilco2 replay {} --from … --to … --sink {}":
        "再次发送：soilco2 replay {0} --from … --to … --sink {1}",
    "{} entries were refused by the database: soilco2 parked list {}": "数据库拒收 {0} 项：soilco2 parked list {1}",
    # archive
    "{}: {} samples archived, {} rows pruned": "{0}：归档 {1} 个样本，清出 {2} 行",
    "as it was sealed": "与封存时一致",
    "there is nothing before {} that is not archived already": "{0} 之前没有尚未归档的内容",
    "there is no archive yet": "还没有归档",
    "there is no journal {} yet: nothing to archive": "还没有日志库 {0}：没有可归档的内容",
    # replay, reprocess
    "--from and --to say which window is sent again; both are needed": "--from 和 --to 说明重发哪一段；两者都要给出",
    "there is no journal {} yet: nothing to send": "还没有日志库 {0}：没有可发送的内容",
    "{} observations from {} to {} will be sent to {} again": "{1} 至 {2} 的 {0} 个观测值将再次发送到 {3}",
    "the rollups are made again; until then the observations are read": "汇总将重新生成；在此之前直接读取观测值",
    "{} observations changed": "{0} 个观测值改变",
    # export
    "{} is no flag; expected {}": "{0} 不是标记；应为 {1}",
    "{} is no depth; expected metres, such as 0.10, or 0..0.30": "{0} 不是深度；应以米表示，如 0.10 或 0..0.30",
    "profile {} has no data; there are {}": "剖面 {0} 没有数据；有 {1}",
    "no series fits; there are {} series of {}": "没有符合的序列；共有 {0} 个序列：{1}",
    "there are no data yet": "还没有数据",
    "{}: {} values of {} series; {}": "{0}：{2} 个序列的 {1} 个值；{3}",
}  # fmt: skip

TABLES: dict[str, str] = {
    "line {}: {}": "第 {0} 行：{1}",
    "station {} is not {}": "台站 {0} 不是 {1}",
    "{} is no position of the station": "{0} 不是本站的点位",
    "{} is no position of the station; there are {}": "{0} 不是本站的点位；有 {1}",
    "{} fits more than one position ({}); give profile and position":
        "{0} 符合多个点位（{1}）；请给出 profile 和 position",
    "{} lies at {} m by the station file, not at {} m": "按台站文件 {0} 深 {1} m，而不是 {2} m",
    "{} needs a position or a depth_m": "{0} 需要 position 或 depth_m",
    "{} cells where the header has {}": "有 {0} 格，而表头有 {1} 格",
    "{} cells where the header has {}; a decimal comma?": "有 {0} 格，而表头有 {1} 格；是否用逗号作小数点？",
    "a quoted cell does not end on its line": "带引号的单元格没有在本行结束",
    "the line is longer than {} characters": "此行超过 {0} 个字符",
    "the line holds NUL characters; {}": "此行含 NUL 字符；{0}",
    "flag {} is none of 1, 2, 3, 4, 9": "标记 {0} 不是 1、2、3、4、9 之一",
    "time {} lies in this machine's future": "时间 {0} 晚于本机当前时间",
    "time {} is no time; expected such as 2026-03-01T00:00:00Z": "时间 {0} 无法识别；应如 2026-03-01T00:00:00Z",
    "value {} is not finite": "数值 {0} 不是有限数",
    "value {} is no number": "数值 {0} 不是数",
    "time {} is no date with a time of day": "时间 {0} 不是带时刻的日期",
    "time {} is beyond what can be stored": "时间 {0} 超出可存储的范围",
    "time {} is a spreadsheet's day number; format the column as 2026-03-01T00:00:00Z":
        "时间 {0} 是电子表格的日序数；请把该列格式设为 2026-03-01T00:00:00Z",
    "time {} {} in {}, where the clock is changed; write it in UTC": "时间 {0} 在 {2} 因调钟{1}；请写成 UTC",
    "comes twice": "出现两次",
    "does not exist": "不存在",
    "time {} has no zone; write it as 2026-03-01T08:00:00+08:00 ('soilco2 import' also takes --timezone)":
        "时间 {0} 没有时区；请写成 2026-03-01T08:00:00+08:00（soilco2 import 也可用 --timezone 说明）",
    "value {} is a formula; save the table with its values": "数值 {0} 是公式；请以数值保存表格",
    "value {} has a comma; a decimal point is expected": "数值 {0} 含逗号；小数点应为点",
    "is neither UTF-8 nor GB18030 text; save it as UTF-8": "既不是 UTF-8 也不是 GB18030 文本；请存为 UTF-8",
    "this is not a regular file; a table is expected": "这不是普通文件；应为表格",
    "is empty; a header line was expected": "是空文件；应有表头行",
    "the header is longer than {} characters; is this a table?": "表头超过 {0} 个字符；这是表格吗？",
    "holds NUL characters; save it as UTF-8 text": "含 NUL 字符；请存为 UTF-8 文本",
    "column {} is there more than once": "列 {0} 出现多次",
    "column {} is missing (found {}); a tidy table has time_utc, variable, value and unit, one row per value":
        "缺少列 {0}（已有 {1}）；整洁表应有 time_utc、variable、value 和 unit，每个值一行",
    "has more than one of the columns {}": "列 {0} 只应有其一",
    "cannot be opened: {}": "无法打开：{0}",
    "cannot be read to its end: {}": "无法读到末尾：{0}",
    "changed while it was read: {}": "读取时文件已改变：{0}",
    "cannot be read: {}": "无法读取：{0}",
    "is {}; save it as CSV in UTF-8": "是{0}；请存为 UTF-8 的 CSV",
    "a Parquet file, by its beginning, under another name": "改了名的 Parquet 文件",
    "a spreadsheet or zip file": "电子表格或 zip 文件",
    "an old spreadsheet file": "旧式电子表格文件",
    "a PDF file": "PDF 文件",
    "a time is missing": "缺少时间",
    "{}: {} has two different values at {}Z; keep one of them": "{0}：{1} 在 {2}Z 有两个不同的值；请只保留一个",
    "NUL characters, or rows of different widths": "含 NUL 字符，或各行列数不同",
    "a cell of text is empty where none may be": "不得为空的文本单元格为空",
    "a value is not finite": "有数值不是有限数",
    "is read by the extra 'analysis': {}": "需要附加组件 analysis 才能读取：{0}",
    "the times have no zone; write them in UTC": "时间没有时区；请写成 UTC",
    "is not there or is no file": "不存在或不是文件",
    "is no Parquet file that can be read: {}": "不是可读的 Parquet 文件：{0}",
    "is no sidecar of an export ({})": "不是导出的说明文件（{0}）",
    "column {} is missing": "缺少列 {0}",
    "among the rows {} to {}: {}": "第 {0} 至 {1} 行中：{2}",
    "{}: the ending must be one of {}": "{0}：扩展名应为 {1} 之一",
    "the folder {} is not there": "没有文件夹 {0}",
    "{} is there already; choose another name, or replace it with --force":
        "{0} 已存在；请换名，或用 --force 替换",
    "{} cannot be written: {}": "{0} 无法写入：{1}",
    "Parquet is written by the extra 'analysis': {}": "写 Parquet 需要附加组件 analysis：{0}",
}  # fmt: skip

STORAGE: dict[str, str] = {
    "{}: there are 10 000 archives of {} already": "{0}：{1} 已有 10 000 个归档",
    "{}: the archive cannot be written: {}": "{0}：归档无法写入：{1}",
    "{}: what was written is not what is read back": "{0}：读回的内容与写入的不一致",
    "{}: it holds {} rows of {}, {} of them not the journal's": "{0}：其中有 {2} 的 {1} 行，{3} 行与日志库不符",
    "{}: the archive cannot be read: {}": "{0}：归档无法读取：{1}",
    "sample {}: the journal is damaged: what the probe said is {}": "样本 {0}：日志库损坏：探头所报为 {1}",
    "{}: this version of soilco2 changes the journal's tables and keeps a copy of it first, and that cannot be made "
    "({}); nothing was changed: make room for {} MiB beside it":
        "{0}：本版本的 soilco2 要更改日志库的表，须先保留一份副本，但副本无法写成（{1}）；"
        "未作任何更改：请在其旁边腾出 {2} MiB 空间",
    "the collector went away before it answered; try again": "采集程序未答复即退出；请重试",
    "the collector went away: {}": "采集程序已退出：{0}",
    "{}: the journal cannot be used: {}": "{0}：日志库无法使用：{1}",
    "{}: the disk is full; nothing was lost, but nothing new can be kept: make room":
        "{0}：磁盘已满；没有丢失数据，但无法再写入：请腾出空间",
    "{}: the file is damaged ({}); 'soilco2 verify STATION --journal' names what, and a collector that cannot go on "
    "with it sets it aside and keeps what can be read":
        "{0}：文件损坏（{1}）；soilco2 verify STATION --journal 指出何处，采集程序无法继续使用时"
        "会将其移开并保留可读部分",
    "it is not a journal of this program": "不是本程序的日志库",
    "it does not say its version": "没有写明版本",
    "{}: the journal has schema version {}, this program knows {}; use the version of soilco2 that wrote it, or a "
    "newer one": "{0}：日志库结构版本为 {1}，本程序只认识 {2}；请用写入它的版本或更新的版本",
    "its table of contents is empty": "其目录为空",
    "sample {}: the journal is damaged: it names {}, which is not there": "样本 {0}：日志库损坏：所指的 {1} 不存在",
    "{}: the journal's folder cannot be written: {}": "{0}：日志库所在文件夹无法写入：{1}",
    "{}: another process (pid {}) writes this journal; stop it first":
        "{0}：另一进程（pid {1}）正在写此日志库；请先停止它",
    "{}: there is no journal yet; 'soilco2 collect' or 'soilco2 import' makes one":
        "{0}：还没有日志库；运行 soilco2 collect 或 soilco2 import 即可生成",
    "{}: this is the journal of {}, and the station file is of {}": "{0}：这是台站 {1} 的日志库，而台站文件属于 {2}",
    "{}: the journal was removed or replaced while it was open; nothing more is taken in. Put it back where it was, "
    "or start again with a new one":
        "{0}：日志库在使用中被移走或替换；不再接收数据。请放回原处，或以新库重新开始",
    "{} is empty, and line protocol has no empty names": "{0} 为空，而行协议不允许空名称",
    "{} {} holds a line break or control character, which has no escape": "{0} {1} 含换行或控制字符，无法转义",
    "{} {} holds a backslash, which line protocol cannot write unambiguously":
        "{0} {1} 含反斜杠，行协议无法无歧义地表示",
    "{}: {} is {}; a database holds finite numbers only": "{0}：{1} 为 {2}；数据库只存有限数",
    "{}: the time {} µs is beyond what the database can hold": "{0}：时间 {1} µs 超出数据库的范围",
    "a point of {} has no field": "{0} 的一个点没有字段",
    "operation {} is unknown; known are {}": "没有操作 {0}；可用的有 {1}",
    "{}; nothing of it was pruned": "{0}；其中没有清出任何内容",
    "date {} of results must be like 2026-03-01": "结果的日期 {0} 应如 2026-03-01",
    "job name {} must be of lower-case letters, digits, - and _": "任务名 {0} 只能含小写字母、数字、- 和 _",
    "table name {} must be of lower-case letters, digits, - and _": "表名 {0} 只能含小写字母、数字、- 和 _",
    "{}: is not a results file of schema {}": "{0}：不是 {1} 结构的结果文件",
    "results of {}: {} is not a finite number": "{0} 的结果：{1} 不是有限数",
    "{}: cannot be read as results: {}": "{0}：无法作为结果读取：{1}",
    "{}: is not complete: {}": "{0}：不完整：{1}",
    "{}: cannot be written: {}": "{0}：无法写入：{1}",
    "no schema for {}": "{0} 没有结构定义",
    "no data were named; expected a station file or tidy tables (CSV or Parquet)":
        "没有给出数据；应为台站文件或整洁表（CSV 或 Parquet）",
    "{} is no station file; only a station's data can be read from InfluxDB":
        "{0} 不是台站文件；只有台站的数据可从 InfluxDB 读取",
    "{} is neither a station file nor a journal": "{0} 既不是台站文件也不是日志库",
    "the journal {} of {} is not there yet; run 'soilco2 collect' or 'soilco2 import' first":
        "{1} 的日志库 {0} 尚不存在；请先运行 soilco2 collect 或 soilco2 import",
    "{} is a station file; it cannot be read together with other data": "{0} 是台站文件；不能与其他数据一起读取",
    "{} has no table [influxdb]; read the journal instead": "{0} 没有 [influxdb] 表；请改读日志库",
    "{}: the journal has no such series; {}": "{0}：日志库没有这个序列；{1}",
    "of {} it has {}": "{0} 有 {1}",
    "did you mean {}?": "是否为 {0}？",
    "it has {}": "有 {0}",
    "it has none yet": "尚无任何序列",
    "event {} {}; flags in force: {}": "事件 {0} {1}；有效的标记为 {2}",
    "is no manual flag": "不是人工标记",
    "was taken back already": "已撤回",
    "{} has {} at that time already, not {}": "{0} 该时刻已有 {1}，而不是 {2}",
    "operation {}: {}": "操作 {0}：{1}",
    "none": "无",
}  # fmt: skip

MESSAGES: dict[str, str] = {
    "answers again after {} failed rounds": "失败 {0} 轮后恢复应答",
    "{} = {} but the station file says {}": "{0} = {1}，台站文件写的是 {2}",
    "the message has {} bytes, at most {} are allowed": "消息有 {0} 字节，最多允许 {1}",
    "the message has no key {}": "消息没有键 {0}",
    "node: a name is expected, found {}": "node：应为名称，实为 {0}",
    "sequence: a whole number from 0 is expected, found {}": "sequence：应为自 0 起的整数，实为 {0}",
    "station: the message is of {}, this is {}": "station：消息属于 {0}，本站为 {1}",
    "readings: a list of 1 to {} is expected, found {}": "readings：应为 1 至 {0} 项的列表，实为 {1}",
    "{}: value: a number or null is expected, found {}": "{0}：value：应为数或 null，实为 {1}",
    "{}: unit: {} is expected, found {}": "{0}：unit：应为 {1}，实为 {2}",
    "{}: status: at most 200 printable characters, found {}": "{0}：status：最多 200 个可打印字符，实为 {1}",
    "{}: time: {} is before the station was there; the node's clock was not set":
        "{0}：time：{1} 早于建站；节点的时钟未校准",
    "{}: time: {} was {} s ahead of the station's clock when it came": "{0}：time：{1} 到达时比台站时钟超前 {2} s",
    "readings: an object is expected for each, found {}": "readings：每项应为对象，实为 {0}",
    "the reading has no key {}": "读数没有键 {0}",
    "serial, channel: text is expected, found {}, {}": "serial、channel：应为文本，实为 {0}、{1}",
    "{}: this instrument is on another connection of the station": "{0}：此仪器属于本站的另一连接",
    "{}: the instrument has no channel {}": "{0}：此仪器没有通道 {1}",
    "{}: the station file has no instrument with this serial number": "{0}：台站文件中没有此序列号的仪器",
    "the message is not UTF-8 (byte {})": "消息不是 UTF-8（第 {0} 字节）",
    "the message is not JSON: {}": "消息不是 JSON：{0}",
    "the message cannot be taken apart ({})": "消息无法解析（{0}）",
    "too deeply nested": "嵌套过深",
    "{} is no number in JSON": "{0} 不是 JSON 中的数",
    "an object is expected, found {}": "应为对象，实为 {0}",
    "{}: time: UTC such as 2026-03-01T00:00:00Z, or null, is expected, found {}":
        "{0}：time：应为 UTC 时间，如 2026-03-01T00:00:00Z，或 null，实为 {1}",
}  # fmt: skip

FAULTS: dict[str, str] = {
    # databases
    "the token is not accepted ({}: {}); give one that may write to and read from bucket {} of organisation {}":
        "令牌不被接受（{0}：{1}）；请给出可读写组织 {3} 的存储桶 {2} 的令牌",
    "bucket {} of organisation {} is not there (404: {})": "组织 {1} 没有存储桶 {0}（404：{2}）",
    "redirects to another address ({}); the token is not sent there: write the final address as url":
        "被转到另一地址（{0}）；令牌不会发往那里：请把最终地址写为 url",
    "the request is too large ({})": "请求过大（{0}）",
    "answered {} ({}); is this an InfluxDB 2?": "应答 {0}（{1}）；这是 InfluxDB 2 吗？",
    "answered {} where InfluxDB answers 204; something else answers there, perhaps a login page of the network":
        "应答 {0}，而 InfluxDB 应答 204；那里应答的是别的程序，也许是网络的登录页",
    "the answer is no text; something else than InfluxDB answers there":
        "应答不是文本；那里应答的不是 InfluxDB",
    "its certificate cannot be verified ({}); name the authority's file as ca_file, and check this machine's clock":
        "无法验证其证书（{0}）；请把证书机构的文件写为 ca_file，并检查本机时钟",
    "the answer is not InfluxDB's; something else answers there, perhaps a login page of the network":
        "应答不是 InfluxDB 的；那里应答的是别的程序，也许是网络的登录页",
    "bucket {} is not there, or the token may not read it ({})": "存储桶 {0} 不存在，或令牌无权读取它（{1}）",
    "the name {} holds a control character": "名称 {0} 含控制字符",
    "ca_file {} cannot be read": "ca_file {0} 无法读取",
    "no answer ({})": "无应答（{0}）",
    "connection refused or no way there": "连接被拒绝或无法到达",
    "the name of the host cannot be resolved": "无法解析主机名",
    "time-out while connecting": "连接超时",
    "time-out while waiting for the answer": "等待应答超时",
    "unauthorized access": "未授权",
    # broker
    "{}; trying again": "{0}；正在重试",
    "connection refused": "连接被拒绝",
    "network is unreachable": "网络不可达",
    "the connection was cut": "连接中断",
    "the broker closed the connection": "消息服务器关闭了连接",
    "the broker ended the connection ({})": "消息服务器结束了连接（{0}）",
    "the broker did not answer within {} s": "消息服务器 {0} s 内未应答",
    "no answer in time": "未及时应答",
    "its certificate cannot be verified ({})": "无法验证其证书（{0}）",
    "the broker refuses the connection: {}; check user name, password and client_id":
        "消息服务器拒绝连接：{0}；请检查用户名、密码和 client_id",
    "the broker refuses the subscription to {}; check its access rules":
        "消息服务器拒绝订阅 {0}；请检查其访问规则",
    # lines
    "{}, address {}: function {}, registers {}: {}": "{0}，地址 {1}：功能码 {2}，寄存器 {3}：{4}",
    "another process has the port; stop it (is a second collector running?)":
        "串口被另一进程占用；请停止它（是否有第二个采集程序在运行？）",
    "the port cannot be opened: {}": "串口无法打开：{0}",
    "it is not there; plug the adapter in or mend the path in the station file":
        "串口不在；请插好适配器，或改正台站文件中的路径",
    "permission denied; add the user to the group that owns it (often dialout)":
        "没有权限；请把用户加入拥有它的组（通常为 dialout）",
    "the port is not open": "串口未打开",
    "the port went away ({}); plug the adapter in again, and let no other process read from it":
        "串口消失（{0}）；请重新插好适配器，并勿让其他进程读取它",
    "the device refuses with exception {} ({}); check that the model in the station file is the one on the line":
        "仪器以异常码 {0}（{1}）拒绝；请检查台站文件中的型号与线上的是否一致",
    "no answer within {} s; check supply, wiring, address and line settings":
        "{0} s 内无应答；请检查供电、接线、地址和串口参数",
    "only the request came back within {} s; the adapter echoes and the device is silent: check supply, wiring "
    "and address":
        "{0} s 内只收到自己的请求；适配器有回波而仪器无应答：请检查供电、接线和地址",
    "{}; check addresses and model (received {})": "{0}；请检查地址和型号（收到 {1}）",
    "{} bytes without a sound frame; check line settings, bias, termination and for two devices at one address "
    "(received {})":
        "{0} 字节中没有完好的帧；请检查串口参数、偏置、终端电阻，以及是否有两台仪器同一地址（收到 {1}）",
    "two answers to one request; two devices share address {}: give one of them another (received {})":
        "一次请求有两个应答；两台仪器同为地址 {0}：请改其中一台（收到 {1}）",
}  # fmt: skip
"""What is wrong with a database, the broker or a line, as the collector tells it."""

EVENTS: dict[str, str] = {
    "configuration {} in force": "配置 {0} 生效",
    "the journal was brought from version {} to {}; as it was it is kept in {}":
        "日志库已由版本 {0} 升级到版本 {1}；原样保留在 {2}",
    "configuration {}": "配置 {0}",
    "{}: the new configuration could not be taken over: {}": "{0}：新配置无法采用：{1}",
    "answers again after {} failed rounds": "{0} 轮失败后恢复应答",
    "{} readings were not taken: the round before took too long, or the clock was set forward":
        "{0} 个读数未采集：上一轮耗时过长，或时钟被调快",
    "{} is back": "{0} 已恢复",
    "it takes what is sent again": "重新接收数据",
    "connected to {}, but no message for {} min; are the nodes alive, and is the topic right?":
        "已连接 {0}，但 {1} 分钟没有消息；节点是否在工作，主题是否正确？",
    "connected to {}": "已连接 {0}",
    "messages come again": "消息恢复",
    "the broker has forgotten this client's session: messages that waited there are lost, unless the nodes send them "
    "again": "消息服务器丢失了此客户端的会话：在那里等待的消息已丢失，除非节点重发",
    "the broker ended the connection soon after it was made, {} times in a row: another client probably uses the id "
    "{}; give each collector its own client_id":
        "消息服务器连续 {0} 次在连接后随即断开：可能有另一客户端使用标识 {1}；请给每个采集程序各自的 client_id",
    "another client with the id {} took over the session; give each collector its own client_id":
        "另一个标识为 {0} 的客户端接管了会话；请给每个采集程序各自的 client_id",
    "{}; check user name, password and client_id": "{0}；请检查用户名、密码和 client_id",
    "the clock was set by {} s": "时钟被调整 {0} s",
    "the clock is trusted": "时钟可信",
    "the clock is trusted again": "时钟恢复可信",
    "the clock is not trusted: samples of polled probes wait for their time. Let a time service set it, or set "
    "SOILCO2_CLOCK=trusted if you know that it is right":
        "时钟不可信：轮询探头的样本等待校时。请由时间服务校准，或在确知时钟正确时设 SOILCO2_CLOCK=trusted",
    "{} samples are stored but not judged ({}); 'soilco2 reprocess' judges them":
        "{0} 个样本已存储但未检验（{1}）；soilco2 reprocess 可补检",
    "{} samples archived": "{0} 个样本已归档",
    "{} rows pruned": "已清理 {0} 行",
    "asked for": "按要求",
    "the journal has reached its limit of {} MiB and nothing may be pruned; nothing more is taken in: raise [journal] "
    "limit_mib, or see to the database that has not confirmed":
        "日志库已达 {0} MiB 上限且无可清理的内容；不再接收数据：请提高 [journal] limit_mib，或检查尚未确认的数据库",
    "the limit of {} MiB is reached and nothing may be pruned: the oldest samples give way":
        "已达 {0} MiB 上限且无可清理的内容：最旧的样本被覆盖",
    "what was refused takes {} MiB, more than its share of [journal] limit_mib: the oldest {} gave way":
        "被拒内容占 {0} MiB，超出其在 [journal] limit_mib 中的份额：最旧的 {1} 项被清除",
    "rollups of a day differed from a recount; they were made again": "某日的汇总与重新计数不符；已重建",
}  # fmt: skip
"""What the journal's events say."""

SYSTEM: dict[str, str] = {
    "No such file or directory": "没有这个文件或文件夹",
    "Not a directory": "不是文件夹",
    "Is a directory": "是文件夹",
    "File exists": "文件已存在",
    "Permission denied": "没有权限",
    "Read-only file system": "文件系统只读",
    "No space left on device": "磁盘已满",
    "Address already in use": "地址已被占用",
    "Connection refused": "连接被拒绝",
    "[Errno 5] Input/output error": "输入输出错误",
}
"""What the system says most."""

WORDS: dict[str, str] = {
    # states of parts, lines, probes and databases
    "ok": "正常", "open": "已打开", "closed": "已关闭", "connected": "已连接", "not connected": "未连接",
    "starting": "正在启动", "not running": "未运行", "running": "运行中", "ended": "已结束", "failing": "有故障",
    "not read yet": "尚未读取", "not reached": "线路断开，未读", "waiting": "等待中", "denied": "被拒绝",
    "unavailable": "暂不可用",
    "retried": "已重试", "dropped": "已放弃", "decided": "已决定", "settled": "已了结",
    "undone": "已撤回", "done": "完成",
    "stored": "入库", "duplicate": "重复", "bad": "坏值",
    # kinds of parked entries
    "message": "消息", "conflict": "冲突", "point": "数据点", "stretch": "数据段",
    # why values are missing
    "no value": "无数值", "collector down": "采集程序未运行", "journal full": "日志库已满", "clock": "时钟",
    "bus": "总线", "broker": "消息服务器", "device silent": "仪器无应答", "rejected": "拒收", "unexplained": "原因不明",
    # errors of a line
    "port_gone": "串口不在", "port_busy": "串口被占用", "silence": "无应答", "echo": "本机回波", "checksum": "校验错误",
    "clash": "应答冲突", "exception": "异常应答", "wrong_address": "地址不符", "wrong_function": "功能码不符",
    "wrong_count": "长度不符",
    # kinds of events, as the page calls them
    "device_silent": "探头无应答", "device_back": "探头恢复应答", "device_fault": "探头故障", "other": "其他",
}  # fmt: skip
"""Single words of states, kinds and causes; sentences do not use them, since a name may be such a word."""

in_chinese = translator(SENTENCES, COMMANDS, TABLES, STORAGE, MESSAGES, FAULTS, EVENTS, SYSTEM)
"""A sentence in Chinese; what is not known stays as it is."""
