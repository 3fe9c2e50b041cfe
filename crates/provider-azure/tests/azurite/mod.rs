//! The data plane against Azurite with its well-known account. What does not run there,
//! because Azurite has none of it: Resource Manager (so no kind), Entra, roles, the Activity
//! Log.

use bytes::Bytes;
use provider::Sensitive;
use provider_azure::data_plane::Moves;
use provider_azure::{ConnectOptions, Explicit};

/// The account and key of every storage emulator, from Microsoft's documentation.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

fn options(endpoint: String, key: &str) -> ConnectOptions {
    ConnectOptions {
        endpoint: Some(endpoint),
        // Nobody signs in here; what is given keeps the environment out.
        credential: Some(Explicit::ClientSecret {
            tenant_id: "common".to_owned(),
            client_id: "none".to_owned(),
            client_secret: Sensitive::new("none".to_owned()),
        }),
        account_keys: [(ACCOUNT.to_owned(), Sensitive::new(key.to_owned()))].into(),
        ..ConnectOptions::default()
    }
}

pub async fn run(endpoint: String) {
    let unique = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let name = format!("lab-{}", unique.as_millis());
    let place = format!("{ACCOUNT}/{name}");
    let moves = Moves::new(options(endpoint.clone(), KEY)).unwrap();
    moves.make_container_with_key("", ACCOUNT, &name).await.unwrap();
    let azurite = provider_azure::connect(options(endpoint.clone(), KEY)).await.unwrap();

    let body: Bytes = (0..9_000_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    let key = "dir/a b.txt";
    assert!(azurite.sink.put_if_absent(&place, key, body.clone()).await.unwrap());
    assert!(!azurite.sink.put_if_absent(&place, key, Bytes::from_static(b"x")).await.unwrap());
    assert_eq!(azurite.objects.get(&place, key, 10_000_000).await.unwrap(), body);
    assert!(azurite.sink.put_if_absent(&place, "empty", Bytes::new()).await.unwrap());
    assert_eq!(azurite.objects.get(&place, "empty", 1).await.unwrap(), Bytes::new());
    let listed = azurite.objects.list(&place, "dir/").await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].key.as_str(), listed[0].size), (key, 9_000_000));
    moves.open_container_with_key("", ACCOUNT, &name).await.unwrap();

    let wrong = options(endpoint, "d3Jvbmc=");
    let wrong = provider_azure::connect(wrong).await.unwrap();
    let error = wrong.objects.list(&place, "").await.unwrap_err();
    // Azure says AuthenticationFailed, Azurite AuthorizationFailure.
    let refused = [provider::ErrorKind::Credentials, provider::ErrorKind::Denied];
    assert!(refused.contains(&error.kind), "{error}");
}
