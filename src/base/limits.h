#pragma once

// Every limit of Nuri that is not a setting, by name. A queue, a buffer, a retry or an input
// without a limit here is a defect.

#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace nuri::limits {

inline constexpr std::size_t kKiB = 1024;
inline constexpr std::size_t kMiB = 1024 * kKiB;
inline constexpr std::uint64_t kGiB = 1024 * kMiB;

// async
inline constexpr std::size_t kChunkBytes = 4 * kKiB;  // a loop's receive buffer
inline constexpr std::size_t kBlockingThreads = 4;
inline constexpr std::size_t kBlockingQueue = 1024;

// tls
inline constexpr std::size_t kTlsRecordBytes = 16 * kKiB;   // of plain text (RFC 8446 section 5.1)
inline constexpr std::size_t kTlsUnaskedBytes = 64 * kKiB;  // answers to a peer that reads none
inline constexpr std::size_t kTlsTicketKeys = 3;            // the one in use and those before it
inline constexpr Duration kTlsTicketLife = 12h;             // how long a session can be resumed
inline constexpr std::size_t kTlsCertificates = 200'000;    // names of one server
inline constexpr std::size_t kPemBytes = 256 * kKiB;        // of a chain, or of a key
inline constexpr std::size_t kCertificateChain = 10;
inline constexpr Duration kTlsHandshakeDeadline = 10s;

// acme
inline constexpr std::size_t kAcmeAnswerBytes = 1 * kMiB;
inline constexpr std::size_t kAcmeNames = 100;         // of one certificate
inline constexpr std::size_t kAcmeNonceTries = 10;     // of one request whose nonce was refused
inline constexpr Duration kAcmeOrderDeadline = 10min;  // from the order to the chain
inline constexpr Duration kAcmeAnswerDeadline = 60s;   // of one request
inline constexpr Duration kAcmeFirstPoll = 500ms;      // doubles to the longest
inline constexpr Duration kAcmeLongestPoll = 30s;
inline constexpr Duration kAcmeHookDeadline = 3min;  // of one run of the operator's DNS program
inline constexpr Duration kAcmeFirstRetry = 1h;      // after a failure, doubles to the last
inline constexpr Duration kAcmeLastRetry = 24h;
inline constexpr Duration kAcmeProbeDeadline = 10s;

// http
inline constexpr std::size_t kHeadBytes = 32 * kKiB;    // request line and headers together
inline constexpr std::size_t kTargetBytes = 16 * kKiB;  // of a request's line
inline constexpr std::size_t kHeaderCount = 128;
inline constexpr std::size_t kTrailerBytes = 8 * kKiB;
inline constexpr std::size_t kChunkExtensionBytes = 4 * kKiB;  // of all chunks of one body
inline constexpr Duration kHeadDeadline = 15s;
inline constexpr Duration kIdleDeadline = 75s;
inline constexpr Duration kBodyIdleDeadline = 60s;
inline constexpr Duration kDrainDeadline = 30s;
inline constexpr std::size_t kHttpConnections = 8192;        // of one server
inline constexpr std::size_t kUnreadBodyBytes = 256 * kKiB;  // read away to keep a connection
inline constexpr Duration kLingerDeadline = 2s;              // for a peer that still sends
inline constexpr std::size_t kWriteBytes = 64 * kKiB;        // that one deadline is given for
inline constexpr std::size_t kRequestIdBytes = 128;
inline constexpr Duration kConnectDeadline = 10s;
inline constexpr Duration kAnswerDeadline = 120s;  // from the request to the head of its answer
inline constexpr Duration kKeptDeadline = 30s;     // of a client's unused connection
inline constexpr std::size_t kKeptPerOrigin = 8;
inline constexpr std::size_t kKeptConnections = 64;
inline constexpr std::size_t kInterimAnswers = 16;  // 1xx before an answer
inline constexpr std::size_t kFormBytes = 64 * kKiB;
inline constexpr std::size_t kFormFields = 256;
inline constexpr std::size_t kPartHeadBytes = 8 * kKiB;
inline constexpr std::size_t kParts = 64;  // of one multipart body

// router
inline constexpr std::size_t kRouterClients = 16'384;  // of one worker
inline constexpr std::size_t kKeptPerUpstream = 1024;  // idle connections, of one worker
inline constexpr std::size_t kPasswordChecks = 64;     // under way or waiting, of one worker
inline constexpr Duration kPasswordCheckDeadline = 5s;
inline constexpr std::size_t kCompressions = 64;      // answers at once, of one worker
inline constexpr Duration kDrainIdleGrace = 5s;       // of clients' idle connections
inline constexpr std::size_t kRouterGenerations = 8;  // routers that drain at the same time
inline constexpr Duration kPredecessorDeadline = 2s;  // for one that drains to take a change
inline constexpr Duration kTakeOverDeadline = 30s;    // for a router to let go of its place
inline constexpr std::size_t kTcpPorts = 200;         // as many descriptors fit into one packet
inline constexpr Duration kTcpIdleDeadline = 1h;
inline constexpr std::size_t kProxyPreambleBytes = 4 * kKiB;  // of the PROXY protocol
inline constexpr Duration kProxyPreambleDeadline = 5s;
inline constexpr std::size_t kTrustedNetworks = 256;
inline constexpr std::size_t kForwardedForBytes = 1 * kKiB;  // that is believed and appended to
inline constexpr std::size_t kAcmeChallenges = 1000;  // that the router answers at the same time

// http2 of the router
inline constexpr std::uint32_t kHttp2Streams = 128;                   // of one connection
inline constexpr std::size_t kHttp2ServedAtOnce = 2 * kHttp2Streams;  // the client left some
inline constexpr std::uint32_t kHttp2StreamWindow = 256 * kKiB;
inline constexpr std::int32_t kHttp2ConnectionWindow = 1 * kMiB;
inline constexpr std::size_t kHttp2QueuedFrames = 4096;      // that the client has not taken
inline constexpr std::size_t kHttp2AnswerAhead = 64 * kKiB;  // of what the client has taken
inline constexpr std::size_t kHttp2ContentAhead = 8 * kKiB;  // of what the instance has taken

// certificates
inline constexpr std::size_t kCertificates = 10'000;
inline constexpr std::size_t kCertificateChainBytes = 64 * kKiB;  // PEM; fits the router's feed
inline constexpr std::size_t kCertificateKeyBytes = 16 * kKiB;
inline constexpr std::size_t kCertificateOrdersAtOnce = 4;

// json, yaml
inline constexpr std::size_t kJsonBytes = 4 * kMiB;
inline constexpr std::size_t kJsonDepth = 32;
inline constexpr std::size_t kManifestBytes = 1 * kMiB;

// model
inline constexpr std::size_t kNameBytes = 255;
inline constexpr std::size_t kEnvEntries = 1000;
inline constexpr std::size_t kEnvBytes = 64 * kKiB;  // all names and values of one app
inline constexpr std::size_t kCommandBytes = 4 * kKiB;
inline constexpr int kInstancesPerProcess = 1000;
inline constexpr std::size_t kPerPage = 5000;
inline constexpr std::size_t kMetadataEntries = 100;  // labels, and as many annotations
inline constexpr std::size_t kAnnotationBytes = 5000;
inline constexpr std::size_t kBuildpacksPerApp = 32;
inline constexpr std::size_t kProcessesPerApp = 32;
inline constexpr std::size_t kRoutesPerManifest = 100;
inline constexpr std::size_t kDestinationsPerRoute = 100;
inline constexpr std::size_t kRouteSettingsBytes = 64 * kKiB;  // of one route, as JSON
inline constexpr std::size_t kRouteIpRanges = 200;             // of each list
inline constexpr std::size_t kRouteUsers = 100;
inline constexpr std::size_t kRoutePageBytes = 32 * kKiB;
inline constexpr std::size_t kRoutePages = 16;
inline constexpr std::size_t kRouteHeaders = 32;  // set; and as many removed
inline constexpr std::size_t kRouteHeaderBytes = 4 * kKiB;
inline constexpr std::size_t kRouteCookies = 8;
inline constexpr std::size_t kRouteTypes = 64;  // that are compressed
inline constexpr std::uint64_t kRouteBodyBytes = 1024 * kGiB;
inline constexpr Duration kRouteDeadline = 24h;
inline constexpr int kRouteOutstanding = 1'000'000;
inline constexpr int kRouteQueue = 100'000;
inline constexpr int kMemoryMb = 1 << 20;  // of one instance; of its disk too
inline constexpr int kCheckSeconds = 86'400;
inline constexpr int kStopGraceSeconds = 600;
inline constexpr std::size_t kManifestDepth = 32;
inline constexpr std::size_t kManifestNodes = 20'000;
inline constexpr std::size_t kManifestAliases = 100;

// api
inline constexpr Duration kHeldAnswer = 20s;    // a GET of what is still under way
inline constexpr Duration kHeldLogRead = 1s;    // of a log that has nothing new
inline constexpr Duration kLogLook = 100ms;     // between two looks for something new
inline constexpr Duration kStatsDeadline = 1s;  // of all instances of a process together
inline constexpr std::size_t kStatsAtOnce = 16;

// identity
inline constexpr std::size_t kPasswordBytes = 1024;
inline constexpr std::size_t kTokenBytes = 8 * kKiB;
inline constexpr std::size_t kLoginNames = 10'000;  // whose failed logins are remembered

// store
inline constexpr Duration kStoreDeadline =
    60s;  // of one transaction, waiting for its turn included

// uploads
inline constexpr std::uint64_t kUploadBytes = 2 * kGiB;
inline constexpr std::uint64_t kFileBytes = 1 * kGiB;
inline constexpr std::size_t kUploadFiles = 200'000;
inline constexpr std::size_t kResourcesBytes = 64 * kMiB;  // of a list of files, as JSON
inline constexpr std::size_t kPathBytes = 1024;

// images
inline constexpr std::size_t kImageJsonBytes = 4 * kMiB;  // a manifest, index or configuration
inline constexpr std::size_t kImageLayers = 127;          // overlayfs takes more; nobody needs it
inline constexpr std::size_t kImageBlobs = 512;           // of one import
inline constexpr std::uint64_t kImageBytes = 16 * kGiB;   // of one import

// control socket of the host
inline constexpr std::size_t kHostMessageBytes = 256 * kKiB;
inline constexpr std::size_t kHostListEntries = 1000;  // layers in one message
inline constexpr std::size_t kHostInstancesPage = 500;
inline constexpr std::size_t kHostConnections = 16;
inline constexpr std::size_t kHostRequests = 64;   // under way on one connection
inline constexpr std::size_t kHostReplies = 4096;  // not yet read by a client
inline constexpr std::size_t kHostThreads = 16;
inline constexpr std::size_t kHostDescriptors = 2;  // that come with one message
inline constexpr std::size_t kArgvEntries = 256;
inline constexpr std::size_t kHostEnvExtraEntries = 64;  // that the platform adds to an app's own
inline constexpr std::size_t kHostEnvExtraBytes = 64 * kKiB;
inline constexpr Duration kLayerLease = 1h;
inline constexpr std::uint64_t kLayerBytes = 16 * kGiB;  // of one layer, uncompressed
inline constexpr std::uint64_t kLayerFiles = 2'000'000;
inline constexpr Duration kUnpackDeadline = 15min;
inline constexpr std::size_t kSocketsPerBatch = 32;

// logs
inline constexpr std::size_t kLogLineBytes = 16 * kKiB;
inline constexpr std::uint64_t kLogSegmentBytes = 2 * kMiB;
inline constexpr std::size_t kLogSegments = 4;             // per writer
inline constexpr std::uint64_t kLogLinesPerSecond = 2000;  // per writer, after the burst
inline constexpr std::uint64_t kLogBurstLines = 8000;
inline constexpr std::uint64_t kLogBytesPerSecond = 1 * kMiB;
inline constexpr std::uint64_t kLogBurstBytes = 4 * kMiB;
inline constexpr Duration kLogPartialFlush = 500ms;  // how long a line without its end is held back
inline constexpr std::size_t kLogJoinedBytes = 64 * kKiB;  // of a line put together from its parts
inline constexpr std::size_t kLogReadBytes = 8 * kMiB;     // of one read's text
inline constexpr std::size_t kLogSegmentsPerApp = 500;

// doors of a shim
inline constexpr std::size_t kDoorPacketBytes = 4 * kKiB;
inline constexpr std::size_t kDoorConnections = 64;  // both sockets of one shim together
inline constexpr std::size_t kListeningPorts = 64;   // of one instance, in an answer

// buildpack lifecycle
inline constexpr std::size_t kTomlBytes = 1 * kMiB;
inline constexpr std::size_t kBuildRequestBytes =
    16 * kMiB;                                         // build.json: two image configs with labels
inline constexpr std::size_t kLayerNodes = 1'000'000;  // files and directories of one layer
inline constexpr std::size_t kPlanTrials = 10'000;     // combinations of the buildpacks' plans
inline constexpr std::size_t kBuildpackGroups = 200;   // of an order, nested ones written out
inline constexpr std::size_t kDetectOutputBytes = 64 * kKiB;  // of one bin/detect
inline constexpr std::size_t kProcessTypes = 100;
inline constexpr std::size_t kExecdBytes = 64 * kKiB;  // what one exec.d program may set

}  // namespace nuri::limits
