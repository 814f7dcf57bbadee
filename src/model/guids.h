#pragma once

// One guid type per noun (base/guid.h).

#include "base/guid.h"

namespace nuri::model {
struct Org;
struct Space;
struct User;
struct Role;
struct Quota;
struct RefreshToken;
struct App;
struct Process;
struct Package;
struct SourceFile;
struct Build;
struct Droplet;
struct Revision;
struct Deployment;
struct Instance;
struct Domain;
struct Route;
struct Destination;
struct Certificate;
struct CertificateOrder;
struct AcmeAccount;
struct Job;
struct Event;
}  // namespace nuri::model

namespace nuri {
using OrgGuid = Guid<model::Org>;
using SpaceGuid = Guid<model::Space>;
using UserGuid = Guid<model::User>;
using RoleGuid = Guid<model::Role>;
using QuotaGuid = Guid<model::Quota>;
using RefreshTokenGuid = Guid<model::RefreshToken>;
using AppGuid = Guid<model::App>;
using ProcessGuid = Guid<model::Process>;
using PackageGuid = Guid<model::Package>;
using SourceFileGuid = Guid<model::SourceFile>;
using BuildGuid = Guid<model::Build>;
using DropletGuid = Guid<model::Droplet>;
using RevisionGuid = Guid<model::Revision>;
using DeploymentGuid = Guid<model::Deployment>;
using InstanceGuid = Guid<model::Instance>;
using DomainGuid = Guid<model::Domain>;
using RouteGuid = Guid<model::Route>;
using DestinationGuid = Guid<model::Destination>;
using CertificateGuid = Guid<model::Certificate>;
using CertificateOrderGuid = Guid<model::CertificateOrder>;
using AcmeAccountGuid = Guid<model::AcmeAccount>;
using JobGuid = Guid<model::Job>;
using EventGuid = Guid<model::Event>;
}  // namespace nuri
