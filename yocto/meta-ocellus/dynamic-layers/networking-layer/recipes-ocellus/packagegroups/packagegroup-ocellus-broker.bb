SUMMARY = "An MQTT broker on the box itself"
DESCRIPTION = "Mosquitto beside Ocellus, for a site that has no broker; with kas/broker.yml."
LICENSE = "MIT"

inherit packagegroup

RDEPENDS:${PN} = "\
    mosquitto \
    mosquitto-clients \
"
