package origin

import (
	"reflect"

	"fanfare/control"
	"fanfare/internal/mcast"
	"fanfare/internal/origin/edges"
	"fanfare/sender"
)

// helps has what /metrics says of each field of the Stats structs, for people who do not read the
// source: collectStruct shows it, and a test wants a text for every field.
var helps = map[reflect.Type]map[string]string{
	reflect.TypeFor[sender.Stats](): {
		"PacketsSent":          "Packets sent to the group, heartbeats included.",
		"BytesSent":            "Bytes sent to the group, headers of IP and UDP included.",
		"SourceSymbolsSent":    "Source symbols of data sent for the first time.",
		"ProactiveSymbolsSent": "Repair symbols of data sent unasked.",
		"RepairSymbolsSent":    "Symbols of data sent because an edge asked.",
		"MarginSymbolsSent":    "Symbols sent beyond what an edge asked for, so that it need not ask again; part of the repair symbols.",
		"ControlPacketsSent":   "Packets that carried entries of the log.",
		"HeartbeatsSent":       "Heartbeats sent to the group.",
		"FeedbackReceived":     "Feedback messages of edges.",
		"NACKsReceived":        "Feedback messages that asked for symbols.",
		"FeedbackIgnored":      "Feedback messages that came although the session is one-way.",
		"FeedbackForeign":      "Feedback messages of another session.",
		"FeedbackStale":        "Feedback messages that came out of order or twice.",
		"BlocksAsked":          "Asks for symbols of one source block.",
		"AsksMerged":           "Asks that added nothing to what was to be sent anyway.",
		"AsksInvalid":          "Asks for what cannot exist.",
		"AsksUnknown":          "Asks for what the origin does not send any more.",
		"AsksRefused":          "Asks beyond what the tables, one message or one edge may take up.",
		"NACKsDemoted":         "Feedback messages not answered since their edge is demoted.",
		"NACKsDeferred":        "Feedback messages put off since their edge loses far more than others.",
		"EdgesRefused":         "Feedback messages of edges for which the sender had no room.",
		"Objects":              "Transport objects, entries or bundles, that the sender holds now.",
		"RepairBlocks":         "Source blocks for which the sender keeps repair state now.",
		"BlocksUnfinished":     "Source blocks sent that healthy edges still lack; many of them hold back new data.",
		"RepairQueue":          "Symbols still to be sent since edges asked.",
		"Edges":                "Edges that the sender heard of lately.",
		"EdgesDemoted":         "Edges whose NACKs are not answered now since they are far behind the others.",
		"EdgesBacklogged":      "Edges that are not far behind the others and whose receive buffer is fuller than an eighth; if they are more than a fifth of the edges the origin sends more slowly.",
		"Rate":                 "Rate that is sent at most now, in bits per second.",
		"RateAllowed":          "Rate that would be sent at most but for edges that cannot keep up, in bits per second.",
		"GRTT":                 "Largest round trip of the group as estimated, in seconds.",
	},
	reflect.TypeFor[loopStats](): {
		"FeedbackInvalid": "Datagrams at the feedback port that are no feedback.",
		"FeedbackForeign": "Feedback messages of another channel.",
		"FeedbackExcess":  "Datagrams at the feedback port thrown away unread since there were too many.",
		"RecallsRefused":  "Objects sent long ago that were asked for and not looked up since too many were.",
		"PayloadErrors":   "Symbols that could not be read from the spool; their objects are not sent on.",
		"WriteErrors":     "Packets that the group's socket refused.",
	},
	reflect.TypeFor[CatchUpStats](): {
		"Requests": "Ranges of bundles that edges began to fetch by unicast.",
		"Bytes":    "Bytes of bundles sent by unicast.",
		"Refused":  "Requests of edges by unicast that were told to come again later.",
		"Cut":      "Ranges given up since their edge was too slow or went away.",
		"Sending":  "Ranges being sent by unicast now.",
		"Waiting":  "Requests by unicast that wait for their turn now.",
	},
	reflect.TypeFor[mcast.Stats](): {
		"PacketsReceived":  "Datagrams this socket received.",
		"BytesReceived":    "Payload bytes this socket received.",
		"PacketsSent":      "Datagrams the kernel took from this socket.",
		"BytesSent":        "Payload bytes the kernel took from this socket.",
		"SocketDrops":      "Datagrams the kernel dropped since this socket's receive buffer was full.",
		"PacketsTruncated": "Datagrams dropped since they were longer than any packet of ours.",
		"PacketsInjected":  "Datagrams dropped on purpose, in tests.",
		"PacketsRefused":   "Datagrams the network did not take: no route, link down, queue full, or a filter.",
		"Unreachable":      "ICMP errors that datagrams of this socket were answered with.",
		"TrainsReceived":   "Trains of datagrams that the kernel passed to this socket as one.",
		"TrainsSent":       "Trains of datagrams that the kernel took as one.",
		"TrainsRefused":    "Trains that the kernel could not cut and that went as single datagrams.",
		"ReceiveBuffer":    "Receive buffer that the kernel granted, in bytes.",
		"SendBuffer":       "Send buffer that the kernel granted, in bytes.",
	},
	reflect.TypeFor[control.Stats](): {
		"Keys":           "Keys in the catalogue.",
		"Versions":       "Versions of objects in the catalogue.",
		"Overlay":        "Entries of the log that came before one that is still missing.",
		"EntriesApplied": "Entries of the log taken into the catalogue.",
		"EntriesKnown":   "Entries of the log that were in the catalogue already.",
		"EntriesOld":     "Entries of the log that were older than what the catalogue is made of.",
		"ChainBroken":    "Entries of the log that did not follow from the one before; above 0 the log is damaged.",
		"RowsKilled":     "Versions of objects that purges took away.",
		"RowsReplaced":   "Versions of objects that newer ones replaced.",
	},
	reflect.TypeFor[edges.Totals](): {
		"EdgesExpected":  "Edges that the origin expects to serve what is published, alive or not.",
		"EdgesAlive":     "Edges that reported lately.",
		"EdgesStray":     "Edges that follow a log that this origin does not have.",
		"EdgesBehind":    "Edges that do not serve everything that was published.",
		"ReportsRefused": "Reports of edges for which the table had no room.",
		"ReportsForeign": "Reports about another generation of the log.",
	},
}
