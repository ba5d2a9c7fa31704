"""Objects that are read, by number: MIB files are never needed.

IF-MIB (RFC 2863), HOST-RESOURCES-MIB (RFC 2790), UCD-SNMP-MIB (net-snmp), MIKROTIK-MIB (2023-05), and of
CISCO-AAA-SESSION-MIB what RouterOS answers for its PPP sessions.
"""

from typing import Final

_MIB_2: Final = "1.3.6.1.2.1"
_HOST: Final = f"{_MIB_2}.25"
_MIKROTIK: Final = "1.3.6.1.4.1.14988.1.1"
_UCD: Final = "1.3.6.1.4.1.2021"

SYS_DESCR: Final = f"{_MIB_2}.1.1.0"
SYS_UPTIME: Final = f"{_MIB_2}.1.3.0"
SYS_NAME: Final = f"{_MIB_2}.1.5.0"
HOST_UPTIME: Final = f"{_HOST}.1.1.0"

IF_DESCR: Final = f"{_MIB_2}.2.2.1.2"
IF_SPEED: Final = f"{_MIB_2}.2.2.1.5"
IF_OPER_STATUS: Final = f"{_MIB_2}.2.2.1.8"  # 1: up
IF_LAST_CHANGE: Final = f"{_MIB_2}.2.2.1.9"  # of sysUpTime
IF_IN_OCTETS: Final = f"{_MIB_2}.2.2.1.10"
IF_OUT_OCTETS: Final = f"{_MIB_2}.2.2.1.16"
IF_NAME: Final = f"{_MIB_2}.31.1.1.1.1"
IF_HC_IN_OCTETS: Final = f"{_MIB_2}.31.1.1.1.6"
IF_HC_OUT_OCTETS: Final = f"{_MIB_2}.31.1.1.1.10"
IF_HIGH_SPEED: Final = f"{_MIB_2}.31.1.1.1.15"  # Mbit/s
IF_ALIAS: Final = f"{_MIB_2}.31.1.1.1.18"
IF_DISCONTINUITY: Final = f"{_MIB_2}.31.1.1.1.19"

QUEUE_NAME: Final = f"{_MIKROTIK}.2.1.1.2"
QUEUE_IN_OCTETS: Final = f"{_MIKROTIK}.2.1.1.8"
QUEUE_OUT_OCTETS: Final = f"{_MIKROTIK}.2.1.1.9"

HOTSPOT_ADDRESS: Final = f"{_MIKROTIK}.5.1.1.5"
HOTSPOT_MAC: Final = f"{_MIKROTIK}.5.1.1.6"
HOTSPOT_IN_OCTETS: Final = f"{_MIKROTIK}.5.1.1.12"
HOTSPOT_OUT_OCTETS: Final = f"{_MIKROTIK}.5.1.1.13"

PROCESSOR_LOAD: Final = f"{_HOST}.3.3.1.2"
ROUTEROS_MEMORY_UNIT: Final = f"{_HOST}.2.3.1.4.65536"
ROUTEROS_MEMORY_SIZE: Final = f"{_HOST}.2.3.1.5.65536"
ROUTEROS_MEMORY_USED: Final = f"{_HOST}.2.3.1.6.65536"
ROUTEROS_VERSION: Final = f"{_MIKROTIK}.4.4.0"
ROUTEROS_BOARD: Final = f"{_MIKROTIK}.7.9.0"
ROUTEROS_TEMPERATURE: Final = f"{_MIKROTIK}.3.10.0"  # tenths of a degree
ROUTEROS_CPU_TEMPERATURE: Final = f"{_MIKROTIK}.3.11.0"
PPP_SESSIONS: Final = "1.3.6.1.4.1.9.9.150.1.1.1.0"
LINUX_MEMORY_TOTAL: Final = f"{_UCD}.4.5.0"  # kB
LINUX_MEMORY_FREE: Final = f"{_UCD}.4.6.0"
LINUX_MEMORY_BUFFERS: Final = f"{_UCD}.4.14.0"
LINUX_MEMORY_CACHED: Final = f"{_UCD}.4.15.0"
